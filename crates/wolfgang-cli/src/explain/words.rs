//! What is said to people, in their language.

use crate::language::Language;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use wolfgang_generate::{FinishReason, SamplingParams};

/// From which probability on a token is of this level, 0 for the likeliest; anything less is of the last.
const LEVELS: [f64; 4] = [0.9, 0.5, 0.2, 0.05];

/// How the views speak.
pub(crate) struct Words {
    language: Language,
    /// The steps of the chain by their names for programs, with their parameters.
    pub(crate) steps: BTreeMap<&'static str, String>,
}

impl Words {
    pub(crate) fn new(language: Language, params: &SamplingParams) -> Self {
        let number = |value: f32| decimal(language, &value.to_string());
        let set = |value: Option<f32>| value.map(number).unwrap_or_default();
        let temperature = number(params.temperature);
        let penalty = number(params.repetition_penalty);
        let k = params.top_k.map(|k| k.to_string()).unwrap_or_default();
        let pick = |german, english| language.pick(german, english);
        let names = [
            (
                "allowed_tokens",
                pick("erlaubte Token", "allowed tokens"),
                String::new(),
            ),
            (
                "banned_tokens",
                pick("verbotene Token", "banned tokens"),
                String::new(),
            ),
            (
                "min_new_tokens",
                pick("Mindestlänge", "minimum length"),
                params.min_new_tokens.to_string(),
            ),
            (
                "no_repeat_ngram",
                pick("keine Folge zweimal", "no sequence twice"),
                String::new(),
            ),
            ("logit_bias", pick("Zuschlag", "logit bias"), String::new()),
            (
                "frequency_presence",
                pick(
                    "Häufigkeits- und Präsenzstrafe",
                    "frequency and presence penalty",
                ),
                String::new(),
            ),
            ("dry", "DRY", String::new()),
            ("custom", pick("eigener Schritt", "own step"), String::new()),
            (
                "temperature",
                pick("Temperatur", "temperature"),
                temperature,
            ),
            (
                "dynamic_temperature",
                pick("bewegliche Temperatur", "dynamic temperature"),
                String::new(),
            ),
            (
                "repetition_penalty",
                pick("Wiederholungsstrafe", "repetition penalty"),
                penalty,
            ),
            ("top_n_sigma", "top-nσ", set(params.top_n_sigma)),
            ("top_k", "top-k", k),
            ("typical_p", "typical-p", set(params.typical_p)),
            ("top_p", "top-p", set(params.top_p)),
            ("min_p", "min-p", set(params.min_p)),
            ("xtc", "XTC", String::new()),
            ("mirostat", "Mirostat 2", String::new()),
        ];
        let named = |(step, name, value): (&'static str, &str, String)| {
            (step, format!("{name} {value}").trim_end().to_owned())
        };
        Self {
            language,
            steps: names.into_iter().map(named).collect(),
        }
    }

    pub(crate) fn pick<T>(&self, german: T, english: T) -> T {
        self.language.pick(german, english)
    }

    /// For a page's `lang`.
    pub(crate) fn language_tag(&self) -> &'static str {
        self.pick("de", "en")
    }

    /// A step's name and parameter.
    pub(crate) fn step(&self, step: &str) -> &str {
        self.steps.get(step).map_or("", String::as_str)
    }

    /// A probability in per cent, with as many places as matter.
    pub(crate) fn percent(&self, p: f64) -> String {
        let percent = 100.0 * p;
        let number = match percent {
            99.5.. if p < 1.0 => "> 99".to_owned(),
            // What would round up to 10.0 has no place either.
            9.95.. => format!("{percent:.0}"),
            0.1.. => format!("{percent:.1}"),
            _ if p > 0.0 => "< 0.1".to_owned(),
            _ => "0".to_owned(),
        };
        let number = decimal(self.language, &number).replace(' ', NBSP);
        number + self.pick("\u{a0}%", "%")
    }

    /// What each level means, from the likeliest to the least likely.
    pub(crate) fn levels(&self) -> [String; 5] {
        let percent = |p: f64| self.percent(p);
        let between = |low: f64, high: f64| format!("{:.0}–{}", 100.0 * low, percent(high));
        [
            format!("≥{NBSP}{}", percent(LEVELS[0])),
            between(LEVELS[1], LEVELS[0]),
            between(LEVELS[2], LEVELS[1]),
            between(LEVELS[3], LEVELS[2]),
            format!(
                "<{NBSP}{:.0}{}",
                100.0 * LEVELS[3],
                self.pick("\u{a0}%", "%")
            ),
        ]
    }

    /// A token in quotation marks.
    pub(crate) fn quoted(&self, label: &str) -> String {
        self.pick(format!("„{label}“"), format!("“{label}”"))
    }

    /// A token for the ear.
    pub(crate) fn spoken(&self, token: &str, label: &str) -> String {
        match token.trim() {
            "" if token.contains('\n') => self.pick("Zeilenumbruch", "line break").to_owned(),
            "" if !token.is_empty() => self.pick("Leerzeichen", "space").to_owned(),
            _ => self.quoted(label.trim()),
        }
    }

    /// What the text was, for a line below it.
    pub(crate) fn facts(&self, tokens: usize, seed: u64, reason: FinishReason) -> String {
        let end = match reason {
            FinishReason::MaxTokens => {
                self.pick("so viele sollten es sein", "as many as asked for")
            }
            FinishReason::EndOfText => self.pick(
                "das Modell hat den Text beendet",
                "the model ended the text",
            ),
            FinishReason::StopToken(_) | FinishReason::StopString(_) => {
                self.pick("beendet wie verlangt", "ended as asked for")
            }
            FinishReason::Criterion(_) => self.pick(
                "ein Abbruchkriterium war erfüllt",
                "a stopping criterion was met",
            ),
            FinishReason::MaxTime => self.pick("die Zeit war um", "the time was over"),
            FinishReason::ContextFull => self.pick("der Kontext war voll", "the context was full"),
            FinishReason::Cancelled => self.pick("abgebrochen", "cancelled"),
            FinishReason::Error => self.pick("ein Fehler beendete den Text", "ended by an error"),
            // One that this version of the command does not know.
            other => other.as_str(),
        };
        self.pick(
            format!("{tokens} Token, {end} · Seed {seed}"),
            format!("{tokens} tokens, {end} · seed {seed}"),
        )
    }

    /// That the page is written.
    pub(crate) fn written(&self, path: &Path, tokens: usize) -> String {
        let path = path.display();
        self.pick(
            format!("[{tokens} Token erklärt in {path}]"),
            format!("[{tokens} tokens explained in {path}]"),
        )
    }

    /// What the page's script says.
    pub(crate) fn script(&self) -> ScriptWords<'_> {
        let pick = |german: &'static str, english| self.pick(german, english);
        ScriptWords {
            steps: &self.steps,
            quotes: self.pick(["„", "“"], ["“", "”"]),
            rank: pick("Rang", "rank"),
            by_model: pick("Modell", "Model"),
            sampled: pick("nach allen Schritten", "after all steps"),
            after: pick("danach", "after"),
            token: "Token",
            candidates: pick("Was das Modell erwog", "What the model considered"),
            steps_title: pick("Was die Schritte taten", "What the steps did"),
            draw: pick("Der Zug", "The draw"),
            possible: pick("möglich", "possible"),
            masked: pick("ausgeschlossen", "ruled out"),
            changed: pick("verändert", "changed"),
            unchanged: pick("ließ alles, wie es war", "left everything as it was"),
            random_draw: pick("Zufallszahl", "random number"),
            masked_by: pick("ausgeschlossen durch", "ruled out by"),
            not_likeliest: pick("nicht das wahrscheinlichste", "not the likeliest"),
            greedy: pick(
                "Ohne Zufall: das wahrscheinlichste, das übrig war.",
                "Without chance: the likeliest that was left.",
            ),
            inverse_cdf: pick(
                "Die Zufallszahl {u} fällt in {from} bis {to}, den Anteil von {token}.",
                "The random number {u} falls between {from} and {to}, the share of {token}.",
            ),
            exponential_race: pick(
                "Jede Wahrscheinlichkeit wird durch eine eigene Zufallszahl geteilt; der größte Quotient gewinnt.",
                "Each probability is divided by a random number of its own; the largest quotient wins.",
            ),
            ends: pick(
                "Dieses Token beendete den Text.",
                "This token ended the text.",
            ),
        }
    }
}

/// The words of the page's script, by the names that it knows them by.
#[derive(Serialize)]
pub(crate) struct ScriptWords<'a> {
    steps: &'a BTreeMap<&'static str, String>,
    quotes: [&'static str; 2],
    rank: &'static str,
    by_model: &'static str,
    sampled: &'static str,
    after: &'static str,
    token: &'static str,
    candidates: &'static str,
    steps_title: &'static str,
    draw: &'static str,
    possible: &'static str,
    masked: &'static str,
    changed: &'static str,
    unchanged: &'static str,
    random_draw: &'static str,
    masked_by: &'static str,
    not_likeliest: &'static str,
    greedy: &'static str,
    inverse_cdf: &'static str,
    exponential_race: &'static str,
    ends: &'static str,
}

const NBSP: &str = "\u{a0}";

/// How likely a token is, as a level from 0 to 4.
pub(crate) fn level(p: f64) -> usize {
    LEVELS.iter().take_while(|least| p < **least).count()
}

fn decimal(language: Language, number: &str) -> String {
    language.pick(number.replace('.', ","), number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn levels_are_what_they_are_called() {
        let levels = [1.0, 0.9, 0.89, 0.5, 0.3, 0.2, 0.1, 0.05, 0.049, 0.0].map(level);
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        let words = Words::new(Language::En, &SamplingParams::default());
        let levels = words.levels().map(|level| level.replace(NBSP, " "));
        assert_eq!(levels, ["≥ 90%", "50–90%", "20–50%", "5–20%", "< 5%"]);
    }

    #[test]
    fn every_finish_reason_has_its_text() {
        let reasons = [
            FinishReason::MaxTokens,
            FinishReason::EndOfText,
            FinishReason::StopToken(3),
            FinishReason::Criterion(0),
            FinishReason::MaxTime,
            FinishReason::ContextFull,
            FinishReason::Cancelled,
            FinishReason::Error,
        ];
        for language in [Language::En, Language::De] {
            let words = Words::new(language, &SamplingParams::default());
            let facts = |reason| words.facts(5, 7, reason);
            let texts: BTreeSet<String> = reasons.into_iter().map(facts).collect();
            assert_eq!(texts.len(), reasons.len(), "{texts:?}");
            assert_eq!(
                facts(FinishReason::StopString(0)),
                facts(FinishReason::StopToken(3))
            );
        }
        let words = Words::new(Language::En, &SamplingParams::default());
        assert_eq!(
            words.facts(5, 7, FinishReason::Criterion(1)),
            "5 tokens, a stopping criterion was met · seed 7"
        );
    }

    #[test]
    fn percentages_have_the_places_that_matter() {
        let words = |language| Words::new(language, &SamplingParams::default());
        let english = [1.0, 0.997, 0.234, 0.0456, 0.0001, 0.0]
            .map(|p| words(Language::En).percent(p).replace(NBSP, " "));
        assert_eq!(english, ["100%", "> 99%", "23%", "4.6%", "< 0.1%", "0%"]);
        let german = words(Language::De).percent(0.0456).replace(NBSP, " ");
        assert_eq!(german, "4,6 %");
        assert_eq!(words(Language::De).step("top_p"), "top-p 0,9");
    }
}
