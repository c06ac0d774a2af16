//! Standard output of `chat`: the answers, as they are made.

use crate::chat::wrap::Wrap;
use crate::output::TimingLine;
use crate::standard_streams::{self, StandardOutput};
use serde::Serialize;
use std::io::Write;
use wolfgang_generate::Summary;

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
        left_out: usize,
    },
}

/// One line of `--json`; `docs/command.md` describes them.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Text {
        text: &'a str,
        ids: &'a [u32],
    },
    Finished {
        reason: &'static str,
        text: &'a str,
        ids: &'a [u32],
        prompt_tokens: usize,
        cached_tokens: usize,
        generated_tokens: usize,
        left_out_messages: usize,
        seed: u64,
        timing: TimingLine,
    },
}

impl Speech {
    /// An answer to a message behind so many that the model does not see.
    pub(crate) fn new(form: Form, columns: usize, left_out: usize) -> Self {
        Self {
            stdout: standard_streams::output(),
            shape: match form {
                Form::Terminal => Shape::Terminal(Wrap::new(columns)),
                Form::Plain => Shape::Plain(false),
                Form::Json => Shape::Json { left_out },
            },
        }
    }

    pub(crate) fn text(&mut self, text: &str, ids: &[u32]) -> std::io::Result<()> {
        let out = match &mut self.shape {
            Shape::Terminal(wrap) => wrap.push(text),
            Shape::Plain(held) => plain(text, held),
            Shape::Json { .. } => json(&Line::Text { text, ids })?,
        };
        write(&mut self.stdout, &out)
    }

    pub(crate) fn finish(mut self, summary: &Summary) -> std::io::Result<()> {
        let out = match self.shape {
            Shape::Terminal(wrap) => wrap.finish(),
            Shape::Plain(_) => "\n".to_owned(),
            Shape::Json { left_out } => json(&Line::Finished {
                reason: summary.reason.as_str(),
                text: &summary.text,
                ids: &summary.ids,
                prompt_tokens: summary.prompt_tokens,
                cached_tokens: summary.cached_tokens,
                generated_tokens: summary.generated_tokens,
                left_out_messages: left_out,
                seed: summary.seed,
                timing: TimingLine::new(&summary.timing),
            })?,
        };
        write(&mut self.stdout, &out)
    }
}

fn write(stdout: &mut StandardOutput, out: &str) -> std::io::Result<()> {
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
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
