//! How to generate.

mod setters;

use std::time::Duration;
use wolfgang_sampling::SamplingParams;

/// Options of one generation. The defaults are the original's.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct GenerateOptions {
    /// How many tokens to generate at most, no fewer than the least that `sampling` asks for. Default 100.
    pub max_new_tokens: usize,
    /// How each token is chosen. What ends the generation here,
    /// [`WolfgangGenerator::end_ids`](crate::WolfgangGenerator::end_ids) and `stop_tokens`, is added to
    /// [`SamplingParams::end_tokens`], which [`SamplingParams::min_new_tokens`] rules out; stop strings are not held off.
    pub sampling: SamplingParams,
    /// Ids that end the generation; they are not part of the text. Default none.
    pub stop_tokens: Vec<u32>,
    /// Texts that end the generation, whichever is complete first; of several that are complete at once the longest. They
    /// are looked for in what is generated, not in the prompt. Default none.
    pub stop_strings: Vec<String>,
    /// Whether the stop string that ended the text is part of it. Default false.
    pub keep_stop_string: bool,
    /// Time after which no further token is begun, from the first event that is asked for. Default none.
    ///
    /// With the feature `serde` its name is `max_time_seconds`, a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "max_time_seconds", with = "crate::seconds::optional")
    )]
    pub max_time: Option<Duration>,
    /// Whether to go on behind [`WolfgangGenerator::end_ids`](crate::WolfgangGenerator::end_ids), which otherwise end the
    /// generation. Default false.
    pub ignore_eos: bool,
    /// Makes the generation repeatable. `None` draws a seed below 2^52, which [`Summary::seed`](crate::Summary::seed) tells.
    pub seed: Option<u64>,
    /// Tells of each generated token how likely it was, and of so many of the likeliest alternatives, at most the whole
    /// vocabulary. Default none.
    pub logprobs: Option<usize>,
    /// Tells of each generated token how it came about, with so many of the likeliest alternatives; of at least that many
    /// tokens at each step of the sampling chain. It takes time and memory, and changes no text. Default none.
    pub explain: Option<usize>,
    /// Whether the prompt is handed out as the beginning of the text. Default false.
    pub include_prompt: bool,
    /// What happens when the context is full. Default [`ContextOverflow::SlidingWindow`].
    pub context_overflow: ContextOverflow,
    /// What happens to a prompt that is longer than the context. Default [`PromptTruncation::Left`].
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
            explain: None,
            include_prompt: false,
            context_overflow: ContextOverflow::default(),
            prompt_truncation: PromptTruncation::default(),
        }
    }
}

/// What happens when prompt and text fill the model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ContextOverflow {
    /// The model goes on with the last `block_size` tokens, computed afresh for each token, exactly as the original
    /// does. Costs a prefill for every token.
    #[default]
    SlidingWindow,
    /// The generation ends with [`FinishReason::ContextFull`](crate::FinishReason::ContextFull).
    Stop,
}

/// What happens to a prompt that is longer than the model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PromptTruncation {
    /// The model sees its last `block_size` tokens, as in the original; the summary tells how many were cut.
    #[default]
    Left,
    /// It is an error.
    Error,
}
