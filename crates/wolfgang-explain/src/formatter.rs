//! Numbers, tokens and steps as the views show them in one language.

use crate::texts::Texts;
use crate::{ExplainReport, Language, TokenReport};
use std::collections::BTreeMap;
use wolfgang_generate::{SamplingParams, Step, StepReport, Summary};

/// The lower bounds of the probability levels, from level 0, the most likely tokens. Anything less
/// is the last level.
const LEVELS: [f64; 4] = [0.9, 0.5, 0.2, 0.05];

/// A space at which a line does not break.
const NBSP: &str = "\u{a0}";

/// Formats numbers, tokens and steps in one language.
pub(crate) struct Formatter {
    pub(crate) language: Language,
    pub(crate) texts: &'static Texts,
    /// The names of all steps with their parameters, by [`Step::as_str`].
    pub(crate) step_labels: BTreeMap<&'static str, String>,
}

impl Formatter {
    pub(crate) fn new(language: Language, sampling: &SamplingParams) -> Self {
        let texts = language.texts();
        let label = |step: Step| {
            let name = texts.steps.name(step);
            match parameter(step, sampling) {
                Some(value) => format!("{name} {}", texts.decimal(&value)),
                None => name.to_owned(),
            }
        };
        Self {
            language,
            texts,
            step_labels: Step::ALL.map(|step| (step.as_str(), label(step))).into(),
        }
    }

    /// Returns a step's name with its parameter.
    pub(crate) fn step(&self, step: Step) -> &str {
        let name = step.as_str();
        self.step_labels.get(name).map_or(name, String::as_str)
    }

    /// Formats a probability in percent, with one decimal place below 10 %.
    pub(crate) fn percent(&self, p: f64) -> String {
        let percent = 100.0 * p;
        let number = match percent {
            99.5.. if p < 1.0 => format!(">{NBSP}99"),
            // With a decimal place, this would be rounded to 10.0.
            9.95.. => format!("{percent:.0}"),
            0.1.. => format!("{percent:.1}"),
            _ if p > 0.0 => format!("<{NBSP}0.1"),
            _ => "0".to_owned(),
        };
        self.texts.decimal(&number) + self.texts.percent_sign
    }

    /// Returns the range of each level, from the most likely to the least likely.
    pub(crate) fn levels(&self) -> [String; 5] {
        let between = |low: f64, high: f64| format!("{:.0}–{}", 100.0 * low, self.percent(high));
        [
            format!("≥{NBSP}{}", self.percent(LEVELS[0])),
            between(LEVELS[1], LEVELS[0]),
            between(LEVELS[2], LEVELS[1]),
            between(LEVELS[3], LEVELS[2]),
            format!("<{NBSP}{:.0}{}", 100.0 * LEVELS[3], self.texts.percent_sign),
        ]
    }

    /// Puts the label of a token in quotation marks.
    pub(crate) fn quoted(&self, label: &str) -> String {
        let [open, close] = self.texts.quotes;
        format!("{open}{label}{close}")
    }

    /// Returns the name of a token for screen readers, with its probability.
    pub(crate) fn aria_label(&self, report: &TokenReport) -> String {
        let text = &report.token.text;
        let name = match text.trim() {
            "" if text.contains('\n') => self.texts.line_break.to_owned(),
            "" if !text.is_empty() => self.texts.space.to_owned(),
            _ => self.quoted(report.token.label().trim()),
        };
        format!("{name}, {}", self.percent(report.model_probability()))
    }

    /// Returns how many tokens each step masked, of the steps that masked any.
    pub(crate) fn masked_counts(&self, report: &TokenReport) -> String {
        let steps = report.explanation.steps.iter();
        let count = |step: &StepReport| format!("{}: {}", self.step(step.step), step.masked);
        let counts: Vec<_> = steps.filter(|step| step.masked > 0).map(count).collect();
        counts.join(" · ")
    }

    /// Returns the line below the text: the number of tokens, why the generation ended, the seed.
    pub(crate) fn summary_line(&self, report: &ExplainReport) -> String {
        let Summary {
            generated_tokens,
            seed,
            reason,
            ..
        } = report.summary;
        let texts = &self.texts.summary;
        let unit = match generated_tokens {
            1 => texts.token,
            _ => texts.tokens,
        };
        let (reason, seed_name) = (texts.reason(reason), texts.seed);
        format!("{generated_tokens} {unit}, {reason} · {seed_name} {seed}")
    }
}

impl Texts {
    /// Writes a number with the decimal separator of the language.
    fn decimal(&self, number: &str) -> String {
        number.replace('.', self.decimal_separator)
    }
}

/// The parameter of a step that has exactly one and is enabled by it.
fn parameter(step: Step, params: &SamplingParams) -> Option<String> {
    match step {
        Step::MinNewTokens => Some(params.min_new_tokens.to_string()),
        Step::Temperature => Some(params.temperature.to_string()),
        Step::RepetitionPenalty => Some(params.repetition_penalty.to_string()),
        Step::TopNSigma => params.top_n_sigma.map(|value| value.to_string()),
        Step::TopK => params.top_k.map(|value| value.to_string()),
        Step::TypicalP => params.typical_p.map(|value| value.to_string()),
        Step::TopP => params.top_p.map(|value| value.to_string()),
        Step::MinP => params.min_p.map(|value| value.to_string()),
        _ => None,
    }
}

/// Returns the level of a probability, from 0, the most likely, to 4.
pub(crate) fn level(p: f64) -> usize {
    LEVELS.iter().take_while(|bound| p < **bound).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatter(language: Language) -> Formatter {
        Formatter::new(language, &SamplingParams::default())
    }

    #[test]
    fn levels_have_the_ranges_of_their_names() {
        let levels = [1.0, 0.9, 0.89, 0.5, 0.3, 0.2, 0.1, 0.05, 0.049, 0.0].map(level);
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        let levels = formatter(Language::En).levels();
        let levels = levels.map(|level| level.replace(NBSP, " "));
        assert_eq!(levels, ["≥ 90%", "50–90%", "20–50%", "5–20%", "< 5%"]);
    }

    #[test]
    fn percentages_have_the_places_that_matter() {
        let english = formatter(Language::En);
        let percent = |p: f64| english.percent(p).replace(NBSP, " ");
        let percentages = [1.0, 0.997, 0.234, 0.0456, 0.0001, 0.0].map(percent);
        assert_eq!(
            percentages,
            ["100%", "> 99%", "23%", "4.6%", "< 0.1%", "0%"]
        );
        let german = formatter(Language::De).percent(0.0456);
        assert_eq!(german.replace(NBSP, " "), "4,6 %");
    }

    #[test]
    fn steps_have_their_parameters_in_the_format_of_the_language() {
        assert_eq!(formatter(Language::De).step(Step::TopP), "top-p 0,9");
        assert_eq!(formatter(Language::En).step(Step::TopP), "top-p 0.9");
        assert_eq!(formatter(Language::En).step(Step::MinP), "min-p");
    }
}
