//! Parameters that a request does not give.

use wolfgang_generate::{ContextOverflow, GenerateOptions, PromptTruncation, SamplingParams};

/// The parameters of requests that do not give them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Defaults {
    /// Options of a generation; each field of a request replaces one of them. Their
    /// `max_new_tokens` is not used. Default: OpenAI's, temperature 1 without filters or penalties.
    ///
    /// A full context ends a text unless they have [`ContextOverflow::Shift`], and a prompt that
    /// exceeds it is always an error.
    pub options: GenerateOptions,
    /// Maximum number of new tokens. Default: `None`, OpenAI's: 16, and in a chat until the context
    /// is full.
    pub max_tokens: Option<usize>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self::new(
            GenerateOptions::default().with_sampling(Self::sampling()),
            None,
        )
    }
}

impl Defaults {
    /// Creates defaults from the options of a generation.
    pub fn new(options: GenerateOptions, max_tokens: Option<usize>) -> Self {
        // A sliding window would delay all other requests.
        let overflow = match options.context_overflow {
            ContextOverflow::Shift => ContextOverflow::Shift,
            _ => ContextOverflow::Stop,
        };
        Self {
            options: options
                .with_context_overflow(overflow)
                .with_prompt_truncation(PromptTruncation::Error),
            max_tokens,
        }
    }

    /// Returns the parameters that a request to OpenAI has by default: temperature 1, no filter
    /// and no penalty.
    pub fn sampling() -> SamplingParams {
        SamplingParams::default()
            .with_temperature(1.0)
            .with_top_k(None)
            .with_top_p(None)
            .with_repetition_penalty(1.0)
    }
}
