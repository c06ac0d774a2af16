//! The HTML page.

use crate::formatter::{Formatter, level};
use crate::texts::{PageTexts, ScriptTexts};
use crate::token_text::hex;
use crate::{ExplainError, ExplainReport, Language, TokenReport, with_token_texts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use wolfgang_generate::Change;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The maximum number of examples per step on the page.
const EXAMPLES: usize = 4;

/// The input of the script.
#[derive(Serialize)]
struct ScriptData<'a> {
    #[serde(rename = "words")]
    texts: ScriptDataTexts<'a>,
    tokens: Value,
}

#[derive(Serialize)]
struct ScriptDataTexts<'a> {
    steps: &'a BTreeMap<&'static str, String>,
    quotes: [&'static str; 2],
    #[serde(flatten)]
    texts: &'a ScriptTexts,
}

impl ExplainReport {
    /// Returns an HTML page that shows each token with its alternatives, the steps and the draw.
    ///
    /// The page is one file that loads nothing else. Its content security policy permits only its
    /// own style and script. Prompt and text are escaped.
    ///
    /// # Errors
    /// [`ExplainError::Json`] if the data of the page cannot be serialized.
    pub fn to_html(&self, language: Language) -> Result<String, ExplainError> {
        render(self, &Formatter::new(language, &self.sampling))
    }
}

/// Returns the page: one file that loads nothing else.
fn render(report: &ExplainReport, formatter: &Formatter) -> Result<String, ExplainError> {
    let texts = &formatter.texts.page;
    let data = script_data(report, formatter)?;
    let page = html! {
        (DOCTYPE)
        html lang=(formatter.language) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="wolfgang";
                title { (texts.title) ": " (shortened(&report.prompt)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (texts.title) }
                        p.facts { (formatter.summary_line(report)) }
                    }
                    div.columns {
                        article { (legend(formatter)) (text(report, formatter)) }
                        aside #panel tabindex="0" aria-label=(texts.panel_label) { (hint(texts)) }
                    }
                    (table(report, formatter))
                }
                script #data type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// The data of the script as JSON, in which no string can end the element that contains it.
fn script_data(report: &ExplainReport, formatter: &Formatter) -> Result<String, ExplainError> {
    let tokens: Vec<_> = report.tokens.iter().map(with_few_examples).collect();
    let data = ScriptData {
        texts: ScriptDataTexts {
            steps: &formatter.step_labels,
            quotes: formatter.texts.quotes,
            texts: &formatter.texts.script,
        },
        tokens: with_token_texts(&tokens, &report.tokenizer)?,
    };
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

/// The content security policy: it permits the page's own style and script, by their hashes.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn legend(formatter: &Formatter) -> Markup {
    html! {
        div.legend {
            span { (formatter.texts.page.legend) }
            ul {
                @for (level, range) in formatter.levels().iter().enumerate() {
                    li { span class={ "t l" (level) } { (range) } }
                }
            }
        }
    }
}

fn text(report: &ExplainReport, formatter: &Formatter) -> Markup {
    html! {
        div.text lang="de" {
            span.prompt { (report.prompt) }
            span #tokens role="listbox" aria-orientation="horizontal"
                aria-label=(formatter.texts.page.tokens_label) {
                @for (index, token) in report.tokens.iter().enumerate() {
                    (text_token(index, token, formatter))
                }
            }
        }
    }
}

/// A token in the text. A line break is a symbol followed by a real line break. The space before a
/// word is outside of the element, so that a line can break there.
fn text_token(index: usize, token: &TokenReport, formatter: &Formatter) -> Markup {
    let name = formatter.aria_label(token);
    let tooltip = format!(
        "{name}, {} {}; {}",
        formatter.texts.page.tooltip_rank,
        token.explanation.chosen.rank,
        formatter.masked_counts(token)
    );
    let mark = match &token.token.bytes {
        Some(bytes) if token.text.is_empty() => Some(hex(bytes)),
        _ if token.ends || token.text.is_empty() => Some(token.token.label()),
        _ => None,
    };
    let word = token.text.trim_start_matches(' ');
    let (space, word) = match mark {
        None if !word.is_empty() => token.text.split_at(token.text.len() - word.len()),
        _ => ("", &*token.text),
    };
    html! {
        (space)
        span class={ "t l" (level(token.model_probability())) } data-token=(index) role="option"
            aria-selected="false" tabindex=(if index == 0 { "0" } else { "-1" })
            aria-label=(name) title=(tooltip.trim_end_matches([';', ' '])) {
            @if let Some(mark) = mark {
                span.mark { (mark) }
            } @else {
                @for (i, line) in word.split('\n').enumerate() {
                    @if i > 0 { span.break aria-hidden="true" { "⏎" } "\n" }
                    (line)
                }
            }
        }
    }
}

/// The content of the panel while no token is selected.
fn hint(texts: &PageTexts) -> Markup {
    html! {
        p.hint { (texts.hint) }
        noscript { p.hint { (texts.hint_without_script) } }
    }
}

/// A table of all tokens, for print and for browsers without scripts.
fn table(report: &ExplainReport, formatter: &Formatter) -> Markup {
    let texts = &formatter.texts.page;
    html! {
        details #all {
            summary { (texts.table_summary) }
            div.scroll tabindex="0" role="region" aria-label=(texts.table_label) {
                table {
                    thead {
                        tr {
                            th scope="col" { (texts.column_token) }
                            th.n scope="col" { (texts.column_model) }
                            th.n scope="col" { (texts.column_rank) }
                            th.n scope="col" { (texts.column_sampled) }
                            th scope="col" { (texts.column_masked) }
                        }
                    }
                    tbody {
                        @for token in &report.tokens {
                            tr {
                                th.piece scope="row" lang="de" {
                                    (formatter.quoted(&token.token.label()))
                                }
                                td.n { (formatter.percent(token.model_probability())) }
                                td.n { (token.explanation.chosen.rank) }
                                td.n { (formatter.percent(token.sampled_probability())) }
                                td { (formatter.masked_counts(token)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A copy with the examples of each step that the page shows.
fn with_few_examples(token: &TokenReport) -> TokenReport {
    let mut token = token.clone();
    let id = token.explanation.chosen.id;
    for step in &mut token.explanation.steps {
        step.top_masked.truncate(EXAMPLES);
        let mut examples = std::mem::take(&mut step.top_changed).into_iter();
        step.top_changed = examples.by_ref().take(EXAMPLES).collect();
        let chosen = examples.filter(|change: &Change| change.id == id);
        step.top_changed.extend(chosen);
    }
    token
}

/// The beginning of a prompt, for the title of the page.
fn shortened(prompt: &str) -> String {
    const MAX_CHARS: usize = 40;
    let mut short: String = prompt.chars().take(MAX_CHARS).collect();
    if short.len() < prompt.len() {
        short.push('…');
    }
    short
}
