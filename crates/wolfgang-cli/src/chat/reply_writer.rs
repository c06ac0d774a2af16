//! Standard output of `chat`: replies, as they are generated.

use crate::chat::wrap::Wrap;
use crate::standard_streams::{self, StandardOutput};
use serde::Serialize;
use std::io::Write;
use wolfgang_generate::Event;

/// Output format of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyFormat {
    /// For a terminal: wrapped, without control characters.
    Terminal,
    /// Unchanged, each followed by a line break.
    Plain,
    Json,
}

/// Writer of one reply.
pub(crate) struct ReplyWriter {
    stdout: StandardOutput,
    shape: State,
}

enum State {
    Terminal(Wrap),
    /// Whether a line break is held back: the last one of a reply is not written twice.
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

impl ReplyWriter {
    /// The writer of a reply; `truncated` is the number of messages that no longer fit.
    pub(crate) fn new(form: ReplyFormat, columns: usize, truncated: usize) -> Self {
        Self {
            stdout: standard_streams::output(),
            shape: match form {
                ReplyFormat::Terminal => State::Terminal(Wrap::new(columns)),
                ReplyFormat::Plain => State::Plain(false),
                ReplyFormat::Json => State::Json { truncated },
            },
        }
    }

    pub(crate) fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let out = match (&mut self.shape, event) {
            (State::Json { truncated }, _) => {
                let is_last = matches!(event, Event::Finished(_));
                let truncated_messages = is_last.then_some(*truncated);
                json(&Line {
                    event,
                    truncated_messages,
                })?
            }
            (State::Terminal(wrap), Event::Text { text, .. }) => wrap.push(text),
            (State::Terminal(wrap), Event::Finished(_)) => wrap.finish(),
            (State::Plain(held), Event::Text { text, .. }) => plain(text, held),
            (State::Plain(_), Event::Finished(_)) => "\n".to_owned(),
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
    fn one_line_break_at_the_end_is_held_back() {
        let mut held = false;
        let pieces = ["Ach\n", "", "\n\n", "Weh", "\n"];
        let out: String = pieces.iter().map(|text| plain(text, &mut held)).collect();
        assert_eq!((out.as_str(), held), ("Ach\n\n\nWeh", true));
    }
}
