//! The page.

use super::table::removals;
use super::told::{Token, Told};
use super::words::{ScriptWords, Words, level};
use crate::piece::{hex, with_pieces};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wolfgang_generate::{Change, Tokenizer};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many examples each step gets on the page.
const EXAMPLES: usize = 4;

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    words: ScriptWords<'a>,
    tokens: Value,
}

/// The whole page: one file that asks for no other.
pub(crate) fn page(
    told: &Told,
    words: &Words,
    tokenizer: &Tokenizer,
) -> serde_json::Result<String> {
    let title = words.pick("Wie dieser Text entstand", "How this text came about");
    let tokens: Vec<Token> = told.tokens.iter().map(shortened).collect();
    let data = Data {
        words: words.script(),
        tokens: with_pieces(&tokens, tokenizer)?,
    };
    // Nothing in a string may end the element that holds it.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let page = html! {
        (DOCTYPE)
        html lang=(words.language_tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="wolfgang";
                title { (title) ": " (shortly(&told.prompt)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (title) }
                        p.facts { (told.facts(words)) }
                    }
                    div.columns {
                        article { (legend(words)) (text(told, words)) }
                        aside #panel tabindex="0" aria-label=(words.pick("Das Token im Einzelnen", "The token in detail")) {
                            (hint(words))
                        }
                    }
                    (table(told, words))
                }
                script #data type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// Only this page's own style and script, by their hashes, and nothing from anywhere.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn legend(words: &Words) -> Markup {
    html! {
        div.legend {
            span { (words.pick("Wahrscheinlichkeit nach dem Modell", "Probability by the model")) }
            ul {
                @for (level, meaning) in words.levels().iter().enumerate() {
                    li { span class={ "t l" (level) } { (meaning) } }
                }
            }
        }
    }
}

fn text(told: &Told, words: &Words) -> Markup {
    let label = words.pick(
        "Erzeugter Text, Token für Token",
        "Generated text, token by token",
    );
    html! {
        div.text lang="de" {
            span.prompt { (told.prompt) }
            span #tokens role="listbox" aria-orientation="horizontal" aria-label=(label) {
                @for (at, token) in told.tokens.iter().enumerate() {
                    (one(at, token, words))
                }
            }
        }
    }
}

/// A token in the text. Line breaks are real ones, behind a sign. The space before a word stands before its mark, for there
/// the lines may break.
fn one(at: usize, token: &Token, words: &Words) -> Markup {
    let p = token.probability();
    let piece = &token.piece;
    let spoken = words.spoken(&piece.token, &piece.label());
    let name = format!("{spoken}, {}", words.percent(p));
    let title = format!(
        "{name}, {} {}; {}",
        words.pick("Rang", "rank"),
        token.explanation.chosen.rank,
        removals(token, words)
    );
    let mark = match &piece.bytes {
        Some(bytes) if token.text.is_empty() => Some(hex(bytes)),
        _ if token.ends || token.text.is_empty() => Some(piece.label()),
        _ => None,
    };
    let word = token.text.trim_start_matches(' ');
    let (space, word) = match mark {
        None if !word.is_empty() => token.text.split_at(token.text.len() - word.len()),
        _ => ("", &*token.text),
    };
    html! {
        (space)
        span class={ "t l" (level(p)) } data-token=(at) role="option" aria-selected="false"
            tabindex=(if at == 0 { "0" } else { "-1" }) aria-label=(name)
            title=(title.trim_end_matches([';', ' '])) {
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

fn hint(words: &Words) -> Markup {
    html! {
        p.hint {
            (words.pick(
                "Zeigen Sie auf ein Token, oder gehen Sie mit den Pfeiltasten durch den Text: Hier steht dann, welche Token das Modell erwog, was jeder Schritt ausschloss und wie der Zug fiel. Esc schließt es wieder.",
                "Point at a token, or walk through the text by the arrow keys: here it will say which tokens the model considered, what each step ruled out and how the draw went. Esc closes it.",
            ))
        }
        noscript {
            p.hint {
                (words.pick(
                    "Ohne JavaScript steht das Wichtigste in der Tabelle unter dem Text.",
                    "Without JavaScript, the table below the text tells what matters most.",
                ))
            }
        }
    }
}

/// All tokens by the line, for paper and for where no script runs.
fn table(told: &Told, words: &Words) -> Markup {
    html! {
        details #all {
            summary { (words.pick("Alle Token als Tabelle", "All tokens as a table")) }
            div.scroll tabindex="0" role="region" aria-label=(words.pick("Alle Token", "All tokens")) {
                table {
                    thead {
                        tr {
                            th scope="col" { "Token" }
                            th.n scope="col" { (words.pick("Modell", "Model")) }
                            th.n scope="col" { (words.pick("Rang", "Rank")) }
                            th.n scope="col" { (words.pick("Nach allen Schritten", "After all steps")) }
                            th scope="col" { (words.pick("Ausgeschlossen", "Ruled out")) }
                        }
                    }
                    tbody {
                        @for token in &told.tokens {
                            tr {
                                th.piece scope="row" lang="de" { (words.quoted(&token.piece.label())) }
                                td.n { (words.percent(token.probability())) }
                                td.n { (token.explanation.chosen.rank) }
                                td.n { (words.percent(token.sampled())) }
                                td { (removals(token, words)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Without what the page does not show.
fn shortened(token: &Token) -> Token {
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

/// The beginning of a prompt.
fn shortly(prompt: &str) -> String {
    const CHARS: usize = 40;
    let mut short: String = prompt.chars().take(CHARS).collect();
    if short.len() < prompt.len() {
        short.push('…');
    }
    short
}
