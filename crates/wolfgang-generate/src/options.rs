//! Options of a generation.

mod setters;

use std::time::Duration;
#[cfg(feature = "constrain")]
use wolfgang_constrain::Grammar;
use wolfgang_sampling::SamplingParams;

/// Options of a generation. Defaults are those of the original Python implementation.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct GenerateOptions {
    /// Maximum number of new tokens, at least [`SamplingParams::min_new_tokens`]. Default: 100.
    pub max_new_tokens: usize,
    /// Parameters of the sampling chain. Default: [`SamplingParams::default`].
    ///
    /// If [`SamplingParams::min_new_tokens`] is set,
    /// [`WolfgangGenerator::end_ids`](crate::WolfgangGenerator::end_ids) (unless `ignore_eos` is
    /// set) and `stop_tokens` are added to [`SamplingParams::end_tokens`], which are masked until
    /// that number is reached. Stop strings are not affected by it.
    pub sampling: SamplingParams,
    /// Ids that end the generation. They are not part of the text. Default: none.
    pub stop_tokens: Vec<u32>,
    /// Strings that end the generation when one of them occurs in the generated text; the prompt is
    /// not searched. If several are completed by the same character, the longest counts. Default:
    /// none.
    pub stop_strings: Vec<String>,
    /// Whether the text includes the stop string that ended it. Default: `false`.
    pub keep_stop_string: bool,
    /// Time limit, after which no further forward pass is started. It is measured from when the
    /// generation is first ready for a forward pass; time in the queue of an
    /// [`Engine`](crate::Engine) does not count. Default: `None`, no limit.
    ///
    /// With the feature `serde`, the field is called `max_time_seconds` and is a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "max_time_seconds", with = "crate::seconds::optional")
    )]
    pub max_time: Option<Duration>,
    /// Whether to continue after [`WolfgangGenerator::end_ids`](crate::WolfgangGenerator::end_ids),
    /// which otherwise end the generation. Default: `false`.
    pub ignore_eos: bool,
    /// Seed of the random number generator. The same seed gives the same text. With `None`, the
    /// default, the seed is random, below 2^52; [`Summary::seed`](crate::Summary::seed) contains
    /// it.
    pub seed: Option<u64>,
    /// Number of alternatives, the most likely tokens, whose log-probabilities are returned with
    /// that of each generated token. Range: `0..=vocab_size`. Default: `None`, no
    /// log-probabilities.
    pub logprobs: Option<usize>,
    /// Number of alternatives, the most likely tokens, whose log-probabilities are returned with
    /// that of each prompt token, in [`Event::PromptLogprobs`](crate::Event::PromptLogprobs) and
    /// [`Summary::prompt_logprobs`](crate::Summary::prompt_logprobs). They are computed in the
    /// prefill of the generation; cached tokens are recomputed. With `max_new_tokens` 0 the prompt
    /// is only scored. Range: `0..=vocab_size`. Default: `None`, no log-probabilities.
    pub prompt_logprobs: Option<usize>,
    /// Number of alternatives, the most likely tokens, in the explanation of each generated token,
    /// overall and for each step of the sampling chain. Explanations cost time and memory, and do
    /// not change the text. Range: `0..=vocab_size`. Default: `None`, no explanations.
    pub explain: Option<usize>,
    /// What the generated text must satisfy as a whole: a regular expression, a JSON Schema or a
    /// grammar. It masks all ids that cannot lead to such a text, as [the first
    /// step](wolfgang_sampling#the-order) of the sampling chain. A text that cannot continue ends
    /// with [`FinishReason::ConstraintComplete`](crate::FinishReason::ConstraintComplete), without
    /// another forward pass. Default: `None`.
    #[cfg(feature = "constrain")]
    pub grammar: Option<Grammar>,
    /// Whether the text begins with the prompt. Default: `false`.
    pub include_prompt: bool,
    /// What happens when the context is full. Default: [`ContextOverflow::SlidingWindow`].
    pub context_overflow: ContextOverflow,
    /// What happens to a prompt that exceeds the context. Default: [`PromptTruncation::Left`].
    pub prompt_truncation: PromptTruncation,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_new_tokens: 100,
            sampling: SamplingParams::default(),
            stop_tokens: Vec::new(),
            stop_strings: Vec::new(),
            keep_stop_string: false,
            max_time: None,
            ignore_eos: false,
            seed: None,
            logprobs: None,
            prompt_logprobs: None,
            explain: None,
            #[cfg(feature = "constrain")]
            grammar: None,
            include_prompt: false,
            context_overflow: ContextOverflow::default(),
            prompt_truncation: PromptTruncation::default(),
        }
    }
}

/// What happens when prompt and generated text exceed the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ContextOverflow {
    /// The model sees the last `block_size` tokens, which are recomputed for each token, exactly as
    /// in the original. Each token costs a prefill.
    #[default]
    SlidingWindow,
    /// The model sees the last half of the context, which is computed once, and continues until the
    /// context is full again. [`Summary::context_shifts`](crate::Summary::context_shifts) is how
    /// often this happened.
    ///
    /// Much faster than [`SlidingWindow`](Self::SlidingWindow), but the model sees less of the
    /// text: between half of the context and all of it. The text depends only on prompt, options
    /// and seed, as always.
    Shift,
    /// The generation ends with [`FinishReason::ContextFull`](crate::FinishReason::ContextFull),
    /// after at least one token.
    Stop,
}

/// What happens to a prompt that exceeds the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PromptTruncation {
    /// The prompt is truncated on the left to its last `block_size` tokens, as in the original;
    /// [`Summary::truncated_tokens`](crate::Summary::truncated_tokens) is the number of tokens
    /// removed.
    #[default]
    Left,
    /// The prompt is refused with
    /// [`GenerateError::PromptTooLong`](crate::GenerateError::PromptTooLong).
    Error,
}
