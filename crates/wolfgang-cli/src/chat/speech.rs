//! Standard output of `chat`: the answers, as they are made.

use crate::chat::wrap::Wrap;
use crate::standard_streams::{self, StandardOutput};
use serde::Serialize;
use std::io::Write;
use wolfgang_generate::Event;

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// To a terminal, which must not be controlled by them.
    Terminal,
    /// As they are, each ended by a line break.
    Plain,
    Json,
}

/// One answer.
pub(crate) struct Speech {
    stdout: StandardOutput,
    shape: Shape,
}

enum Shape {
    Terminal(Wrap),
    /// Whether a line break is held back, which is no part of the answer if it was the last.
    Plain(bool),
    Json {
        truncated: usize,
    },
}

/// One line of `--json`; `docs/command.md` describes them.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated_messages: Option<usize>,
}

impl Speech {
    /// An answer to a message behind so many that the model does not see.
    pub(crate) fn new(form: Form, columns: usize, truncated: usize) -> Self {
        Self {
            stdout: standard_streams::output(),
            shape: match form {
                Form::Terminal => Shape::Terminal(Wrap::new(columns)),
                Form::Plain => Shape::Plain(false),
                Form::Json => Shape::Json { truncated },
            },
        }
    }

    pub(crate) fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let out = match (&mut self.shape, event) {
            (Shape::Json { truncated }, _) => {
                let is_last = matches!(event, Event::Finished(_));
                let truncated_messages = is_last.then_some(*truncated);
                json(&Line {
                    event,
                    truncated_messages,
                })?
            }
            (Shape::Terminal(wrap), Event::Text { text, .. }) => wrap.push(text),
            (Shape::Terminal(wrap), Event::Finished(_)) => wrap.finish(),
            (Shape::Plain(held), Event::Text { text, .. }) => plain(text, held),
            (Shape::Plain(_), Event::Finished(_)) => "\n".to_owned(),
            _ => return Ok(()),
        };
        self.stdout.write_all(out.as_bytes())?;
        self.stdout.flush()
    }
}

fn json(line: &Line<'_>) -> std::io::Result<String> {
    Ok(serde_json::to_string(line)? + "\n")
}

fn plain(text: &str, held: &mut bool) -> String {
    if text.is_empty() {
        return String::new();
    }
    let before = if std::mem::take(held) { "\n" } else { "" };
    let text = match text.strip_suffix('\n') {
        Some(text) => {
            *held = true;
            text
        }
        None => text,
    };
    format!("{before}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_break_is_held_back() {
        let mut held = false;
        let pieces = ["Ach\n", "", "\n\n", "Weh", "\n"];
        let out: String = pieces.iter().map(|text| plain(text, &mut held)).collect();
        assert_eq!((out.as_str(), held), ("Ach\n\n\nWeh", true));
    }
}
