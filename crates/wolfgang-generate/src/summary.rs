//! What a generation was, told at its end.

use crate::{Explanation, TokenLogprobs};
use std::time::Duration;

/// The last event of a generation.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    /// Why it ended.
    ///
    /// With the feature `serde` the field is its name, and what a variant holds is beside it as `stop_token`,
    /// `stop_string` or `criterion`.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "reason_fields"))]
    pub reason: FinishReason,
    /// The whole text: all pieces joined. After an error also what was held back.
    pub text: String,
    /// The ids of the text: those of all pieces joined.
    pub ids: Vec<u32>,
    /// How likely each generated token was, if [`logprobs`](crate::GenerateOptions::logprobs) asked for it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub logprobs: Vec<TokenLogprobs>,
    /// How each generated token came about, if [`explain`](crate::GenerateOptions::explain) asked for it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub explanations: Vec<Explanation>,
    /// The same of the token that ended the generation, if one did.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stop_explanation: Option<Box<Explanation>>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// How many of them, at the beginning, the model never saw because its context is shorter.
    pub truncated_tokens: usize,
    /// How many of them, behind those that were cut, had been computed before: by the [`Session`](crate::Session), or for
    /// another generation of the [`Batch`](crate::Batch).
    pub cached_tokens: usize,
    /// Tokens generated. A token that ended the generation is not among them.
    pub generated_tokens: usize,
    /// The seed, given or drawn; with the same one, the same text comes again.
    pub seed: u64,
    /// Where the time went.
    pub timing: Timing,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// [`max_new_tokens`](crate::GenerateOptions::max_new_tokens) were generated.
    MaxTokens,
    /// The model ended the document with one of its [`end_ids`](crate::WolfgangGenerator::end_ids).
    EndOfText,
    /// The model produced this one of the [`stop_tokens`](crate::GenerateOptions::stop_tokens).
    StopToken(u32),
    /// The text came to this one of the [`stop_strings`](crate::GenerateOptions::stop_strings), by its place among them.
    /// Its tokens are among the ids, although its text is not part of the text.
    StopString(usize),
    /// This [`StoppingCriterion`](crate::StoppingCriterion) was met, by its place among those that the generation was
    /// given; of several the first.
    Criterion(usize),
    /// [`max_time`](crate::GenerateOptions::max_time) is over.
    MaxTime,
    /// The context is full and [`ContextOverflow::Stop`](crate::ContextOverflow::Stop) was asked for.
    ContextFull,
    /// [`Generation::cancel`](crate::Generation::cancel) was called, or
    /// [`CancelHandle::cancel`](crate::CancelHandle::cancel).
    Cancelled,
    /// An error ended it:
    /// [`GenerateError::GenerationFailed`](crate::GenerateError::GenerationFailed).
    Error,
}

impl FinishReason {
    /// The name for programs, as `wolfgang generate --json` writes it: `max_tokens`, `end_of_text`, `stop_token`,
    /// `stop_string`, `criterion`, `max_time`, `context_full`, `cancelled`, and `error`, which
    /// the command never writes, for it reports the error itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::EndOfText => "end_of_text",
            Self::StopToken(_) => "stop_token",
            Self::StopString(_) => "stop_string",
            Self::Criterion(_) => "criterion",
            Self::MaxTime => "max_time",
            Self::ContextFull => "context_full",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for FinishReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
fn reason_fields<S: serde::Serializer>(
    reason: &FinishReason,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("reason", reason)?;
    match reason {
        FinishReason::StopToken(id) => map.serialize_entry("stop_token", id)?,
        FinishReason::StopString(index) => map.serialize_entry("stop_string", index)?,
        FinishReason::Criterion(index) => map.serialize_entry("criterion", index)?,
        _ => {}
    }
    map.end()
}

/// Where the time of a generation went. Time that the caller spent between two events does not count; a pass of a
/// [`Batch`](crate::Batch) counts for each of its generations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Timing {
    /// The model on the prompt, up to the first logits.
    ///
    /// With the feature `serde` its name is `prefill_seconds`, a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "prefill_seconds", with = "crate::seconds")
    )]
    pub prefill: Duration,
    /// Everything from there: sampling, and the model on each further token.
    ///
    /// With the feature `serde` its name is `decode_seconds`, a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "decode_seconds", with = "crate::seconds")
    )]
    pub decode: Duration,
}
