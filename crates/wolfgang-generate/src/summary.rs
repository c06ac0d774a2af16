//! Summaries of generations.

use crate::{Explanation, Score, TokenLogprobs};
use std::time::Duration;

/// Result of a generation: its text, the reason why it ended, and token counts.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    /// The reason why the generation ended.
    ///
    /// With the feature `serde`, the field is the [name](FinishReason::as_str) of the variant, and
    /// the value of the variant is a second field, `stop_token`, `stop_string` or `criterion`.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "reason_fields"))]
    pub reason: FinishReason,
    /// The whole text: that of all [`Event::Text`](crate::Event::Text) and, after an error, of the
    /// buffered text.
    pub text: String,
    /// The ids of the text.
    pub ids: Vec<u32>,
    /// Log-probabilities of the generated tokens, if
    /// [`GenerateOptions::logprobs`](crate::GenerateOptions::logprobs) is set.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub logprobs: Vec<TokenLogprobs>,
    /// Log-probabilities of the prompt tokens, if
    /// [`GenerateOptions::prompt_logprobs`](crate::GenerateOptions::prompt_logprobs) is set and the
    /// generation did not end before the prompt was computed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub prompt_logprobs: Option<Score>,
    /// Explanations of the generated tokens, if
    /// [`GenerateOptions::explain`](crate::GenerateOptions::explain) is set.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub explanations: Vec<Explanation>,
    /// Explanation of the end id or stop token that ended the generation, if
    /// [`GenerateOptions::explain`](crate::GenerateOptions::explain) is set and the generation
    /// ended at one. It is not part of `ids`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub stop_explanation: Option<Box<Explanation>>,
    /// Number of prompt tokens.
    pub prompt_tokens: usize,
    /// Number of tokens at the beginning of the prompt that were truncated because the prompt
    /// exceeds the context.
    pub truncated_tokens: usize,
    /// Number of prompt tokens, after the truncated ones, that were not recomputed: they were in
    /// the cache of the [`Session`](crate::Session), of another generation of the
    /// [`Batch`](crate::Batch), or of the [`Engine`](crate::Engine).
    pub cached_tokens: usize,
    /// Number of generated tokens, without the end id or stop token that ended the generation.
    pub generated_tokens: usize,
    /// How often the context was full and its last half was computed again, with
    /// [`ContextOverflow::Shift`](crate::ContextOverflow::Shift); otherwise 0.
    pub context_shifts: usize,
    /// Whether the text satisfies its constraint as it is. If a limit ended it before, it is
    /// incomplete. `None` without a constraint.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub satisfies_constraint: Option<bool>,
    /// The seed, either [`GenerateOptions::seed`](crate::GenerateOptions::seed) or a random one.
    /// The same seed gives the same text.
    pub seed: u64,
    /// The time that the generation took.
    pub timing: Timing,
}

/// The reason why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// [`GenerateOptions::max_new_tokens`](crate::GenerateOptions::max_new_tokens) tokens were
    /// generated.
    MaxTokens,
    /// The model generated one of the
    /// [`WolfgangGenerator::end_ids`](crate::WolfgangGenerator::end_ids).
    EndOfText,
    /// The model generated this id, one of the
    /// [`GenerateOptions::stop_tokens`](crate::GenerateOptions::stop_tokens).
    StopToken(u32),
    /// The text reached the stop string with this index in
    /// [`GenerateOptions::stop_strings`](crate::GenerateOptions::stop_strings). Its tokens are part
    /// of the ids, even if it is removed from the text.
    StopString(usize),
    /// The [`StoppingCriterion`](crate::StoppingCriterion) with this index, in the order in which
    /// they were added, was met; of several the first.
    Criterion(usize),
    /// The text satisfies its constraint and nothing can follow: that of
    /// `GenerateOptions::grammar` or
    /// [`Generation::with_constraint`](crate::Generation::with_constraint).
    ConstraintComplete,
    /// [`GenerateOptions::max_time`](crate::GenerateOptions::max_time) has elapsed.
    MaxTime,
    /// The context is full, and [`ContextOverflow::Stop`](crate::ContextOverflow::Stop) is set.
    ContextFull,
    /// The generation was cancelled with [`Generation::cancel`](crate::Generation::cancel) or a
    /// [`CancelHandle`](crate::CancelHandle).
    Cancelled,
    /// An error ended the generation:
    /// [`GenerateError::GenerationFailed`](crate::GenerateError::GenerationFailed).
    Error,
}

impl FinishReason {
    /// Returns the name of the variant, as `wolfgang generate --json` prints it: `max_tokens`,
    /// `end_of_text`, `stop_token`, `stop_string`, `criterion`, `constraint_complete`, `max_time`, `context_full`,
    /// `cancelled` or `error`. The command never prints `error`, because it reports the error
    /// itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::EndOfText => "end_of_text",
            Self::StopToken(_) => "stop_token",
            Self::StopString(_) => "stop_string",
            Self::Criterion(_) => "criterion",
            Self::ConstraintComplete => "constraint_complete",
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

/// The time that a generation took, without the time between two events, when the caller runs. A
/// forward pass of a [`Batch`](crate::Batch) counts for each of its generations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Timing {
    /// Time to compute the prompt, until the first logits.
    ///
    /// With the feature `serde`, the field is called `prefill_seconds` and is a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "prefill_seconds", with = "crate::seconds")
    )]
    pub prefill: Duration,
    /// Time of sampling and of all forward passes after the first generated token.
    ///
    /// With the feature `serde`, the field is called `decode_seconds` and is a number.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "decode_seconds", with = "crate::seconds")
    )]
    pub decode: Duration,
}
