//! Finish reasons.

use serde::Serialize;
use wolfgang_generate::{FinishReason, GenerateOptions};

/// The end of a choice.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Finish {
    pub(crate) finish_reason: Option<&'static str>,
    /// The stop string or stop token, as vLLM has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_reason: Option<StopReason>,
    /// The library's name of the reason, which tells `max_tokens` from `context_full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_detail: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum StopReason {
    Id(u32),
    Text(String),
}

impl Finish {
    pub(crate) fn new(reason: FinishReason, options: &GenerateOptions) -> Self {
        let stop_reason = match reason {
            FinishReason::StopToken(id) => Some(StopReason::Id(id)),
            FinishReason::StopString(at) => {
                options.stop_strings.get(at).cloned().map(StopReason::Text)
            }
            _ => None,
        };
        Self {
            finish_reason: Some(finish_reason(reason)),
            stop_reason,
            finish_detail: Some(reason.as_str()),
        }
    }
}

/// OpenAI's name of a reason: `stop` if the text is complete, `length` if a limit ended it.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::EndOfText
        | FinishReason::StopToken(_)
        | FinishReason::StopString(_)
        | FinishReason::Criterion(_)
        | FinishReason::ConstraintComplete => "stop",
        _ => "length",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_a_stop_or_a_length() {
        let options = GenerateOptions::default().with_stop_strings(["a", "b"]);
        for (reason, expected, stop) in [
            (FinishReason::EndOfText, "stop", "null"),
            (FinishReason::StopToken(7), "stop", "7"),
            (FinishReason::StopString(1), "stop", "\"b\""),
            (FinishReason::Criterion(0), "stop", "null"),
            (FinishReason::MaxTokens, "length", "null"),
            (FinishReason::MaxTime, "length", "null"),
            (FinishReason::ContextFull, "length", "null"),
        ] {
            let finish = Finish::new(reason, &options);
            assert_eq!(finish.finish_reason, Some(expected));
            assert_eq!(serde_json::to_string(&finish.stop_reason).unwrap(), stop);
        }
    }
}
