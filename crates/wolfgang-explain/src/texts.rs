//! The texts of the views, complete in each language: a field that a language lacks does not
//! compile.

mod english;
mod german;

use crate::Language;
use serde::Serialize;
use wolfgang_generate::{FinishReason, Step};

/// The texts of one language.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Opening and closing quotation mark.
    pub(crate) quotes: [&'static str; 2],
    pub(crate) decimal_separator: &'static str,
    /// The percent sign, with the space before it, if any.
    pub(crate) percent_sign: &'static str,
    /// What a screen reader reads for a token that is a line break.
    pub(crate) line_break: &'static str,
    /// What a screen reader reads for a token that is spaces.
    pub(crate) space: &'static str,
    pub(crate) steps: StepTexts,
    pub(crate) summary: SummaryTexts,
    pub(crate) page: PageTexts,
    pub(crate) script: ScriptTexts,
    pub(crate) table: TableTexts,
    /// The heading of the legend on a terminal.
    pub(crate) terminal_legend: &'static str,
}

/// Names of the sampling steps.
#[derive(Debug)]
pub(crate) struct StepTexts {
    pub(crate) constraint: &'static str,
    pub(crate) allowed_tokens: &'static str,
    pub(crate) banned_tokens: &'static str,
    pub(crate) min_new_tokens: &'static str,
    pub(crate) no_repeat_ngram: &'static str,
    pub(crate) logit_bias: &'static str,
    pub(crate) frequency_presence: &'static str,
    pub(crate) dry: &'static str,
    pub(crate) custom: &'static str,
    pub(crate) temperature: &'static str,
    pub(crate) dynamic_temperature: &'static str,
    pub(crate) repetition_penalty: &'static str,
    pub(crate) top_n_sigma: &'static str,
    pub(crate) top_k: &'static str,
    pub(crate) typical_p: &'static str,
    pub(crate) top_p: &'static str,
    pub(crate) min_p: &'static str,
    pub(crate) xtc: &'static str,
    pub(crate) mirostat: &'static str,
}

/// Parts of the summary line: the number of tokens, why the generation ended, and the seed.
#[derive(Debug)]
pub(crate) struct SummaryTexts {
    /// Singular.
    pub(crate) token: &'static str,
    /// Plural.
    pub(crate) tokens: &'static str,
    pub(crate) seed: &'static str,
    pub(crate) max_tokens: &'static str,
    pub(crate) end_of_text: &'static str,
    /// At a stop token or a stop string.
    pub(crate) stop: &'static str,
    pub(crate) criterion: &'static str,
    pub(crate) constraint_complete: &'static str,
    pub(crate) max_time: &'static str,
    pub(crate) context_full: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) error: &'static str,
}

/// Texts of the page that its markup contains.
#[derive(Debug)]
pub(crate) struct PageTexts {
    pub(crate) title: &'static str,
    pub(crate) legend: &'static str,
    pub(crate) tokens_label: &'static str,
    pub(crate) panel_label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) hint_without_script: &'static str,
    /// The rank in the tooltip of a token, before the number.
    pub(crate) tooltip_rank: &'static str,
    pub(crate) table_summary: &'static str,
    pub(crate) table_label: &'static str,
    pub(crate) column_token: &'static str,
    pub(crate) column_model: &'static str,
    pub(crate) column_rank: &'static str,
    pub(crate) column_sampled: &'static str,
    pub(crate) column_masked: &'static str,
}

/// Texts of the page that its script shows, by the names in `page.js`.
#[derive(Debug, Serialize)]
pub(crate) struct ScriptTexts {
    pub(crate) rank: &'static str,
    pub(crate) by_model: &'static str,
    pub(crate) sampled: &'static str,
    pub(crate) after: &'static str,
    pub(crate) token: &'static str,
    pub(crate) candidates: &'static str,
    pub(crate) steps_title: &'static str,
    pub(crate) draw: &'static str,
    pub(crate) possible: &'static str,
    pub(crate) masked: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) unchanged: &'static str,
    pub(crate) random_draw: &'static str,
    pub(crate) masked_by: &'static str,
    pub(crate) not_likeliest: &'static str,
    pub(crate) greedy: &'static str,
    /// With the placeholders `{u}`, `{from}`, `{to}` and `{token}`.
    pub(crate) inverse_cdf: &'static str,
    pub(crate) exponential_race: &'static str,
    pub(crate) ends: &'static str,
}

/// Headings of the columns of the text table.
#[derive(Debug)]
pub(crate) struct TableTexts {
    pub(crate) model: &'static str,
    pub(crate) rank: &'static str,
    pub(crate) sampled: &'static str,
    pub(crate) token: &'static str,
    pub(crate) masked: &'static str,
}

impl Language {
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::De => &german::GERMAN,
            Self::En => &english::ENGLISH,
        }
    }
}

impl StepTexts {
    /// Returns the name of a step; `None` if it has no name here.
    fn find(&self, step: Step) -> Option<&'static str> {
        Some(match step {
            Step::Constraint => self.constraint,
            Step::AllowedTokens => self.allowed_tokens,
            Step::BannedTokens => self.banned_tokens,
            Step::MinNewTokens => self.min_new_tokens,
            Step::NoRepeatNgram => self.no_repeat_ngram,
            Step::LogitBias => self.logit_bias,
            Step::FrequencyPresence => self.frequency_presence,
            Step::Dry => self.dry,
            Step::Custom(_) => self.custom,
            Step::Temperature => self.temperature,
            Step::DynamicTemperature => self.dynamic_temperature,
            Step::RepetitionPenalty => self.repetition_penalty,
            Step::TopNSigma => self.top_n_sigma,
            Step::TopK => self.top_k,
            Step::TypicalP => self.typical_p,
            Step::TopP => self.top_p,
            Step::MinP => self.min_p,
            Step::Xtc => self.xtc,
            Step::Mirostat => self.mirostat,
            _ => return None,
        })
    }

    /// Returns the name of a step. A step without a name here has that of
    /// [`Step::as_str`](wolfgang_generate::Step::as_str).
    pub(crate) fn name(&self, step: Step) -> &'static str {
        self.find(step).unwrap_or(step.as_str())
    }
}

impl SummaryTexts {
    /// Returns the text of a reason; `None` if it has no text here.
    fn find(&self, reason: FinishReason) -> Option<&'static str> {
        Some(match reason {
            FinishReason::MaxTokens => self.max_tokens,
            FinishReason::EndOfText => self.end_of_text,
            FinishReason::StopToken(_) | FinishReason::StopString(_) => self.stop,
            FinishReason::Criterion(_) => self.criterion,
            FinishReason::ConstraintComplete => self.constraint_complete,
            FinishReason::MaxTime => self.max_time,
            FinishReason::ContextFull => self.context_full,
            FinishReason::Cancelled => self.cancelled,
            FinishReason::Error => self.error,
            _ => return None,
        })
    }

    /// Returns the reason why a generation ended. A reason without a text here has that of
    /// [`FinishReason::as_str`](wolfgang_generate::FinishReason::as_str).
    pub(crate) fn reason(&self, reason: FinishReason) -> &'static str {
        self.find(reason).unwrap_or(reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_step_has_a_name_of_its_own_in_every_language() {
        for language in Language::ALL {
            let names = Step::ALL.map(|step| language.texts().steps.find(step));
            assert!(!names.contains(&None) && !names.contains(&Some("")));
            let different: BTreeSet<_> = names.into_iter().collect();
            assert_eq!(different.len(), Step::ALL.len(), "{names:?}");
        }
    }

    #[test]
    fn every_finish_reason_has_its_text_in_every_language() {
        let reasons = [
            FinishReason::MaxTokens,
            FinishReason::EndOfText,
            FinishReason::StopToken(3),
            FinishReason::Criterion(0),
            FinishReason::ConstraintComplete,
            FinishReason::MaxTime,
            FinishReason::ContextFull,
            FinishReason::Cancelled,
            FinishReason::Error,
        ];
        for language in Language::ALL {
            let summary = &language.texts().summary;
            let texts = reasons.map(|reason| summary.find(reason));
            assert!(!texts.contains(&None) && !texts.contains(&Some("")));
            let different: BTreeSet<_> = texts.into_iter().collect();
            assert_eq!(different.len(), reasons.len(), "{texts:?}");
            assert_eq!(
                summary.reason(FinishReason::StopString(0)),
                summary.reason(FinishReason::StopToken(3))
            );
        }
    }

    #[test]
    fn the_sentence_about_the_draw_has_all_placeholders() {
        for language in Language::ALL {
            let sentence = language.texts().script.inverse_cdf;
            for placeholder in ["{u}", "{from}", "{to}", "{token}"] {
                assert_eq!(sentence.matches(placeholder).count(), 1, "{placeholder}");
            }
        }
    }
}
