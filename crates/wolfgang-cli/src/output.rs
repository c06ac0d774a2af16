//! Standard output: text, or JSON by the line.

use serde::Serialize;
use std::io::{IsTerminal, Stdout, Write};
use wolfgang_generate::{Event, FinishReason, Summary};

/// How events are written.
pub(crate) struct Output {
    stdout: Stdout,
    json: bool,
    stream: bool,
    model: ModelLine,
    /// Whether the text so far ends a line.
    at_line_start: bool,
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
        #[serde(skip_serializing_if = "Option::is_none")]
        stop_token: Option<u32>,
        text: &'a str,
        ids: &'a [u32],
        prompt_tokens: usize,
        cut_tokens: usize,
        generated_tokens: usize,
        seed: u64,
        timing: TimingLine,
        model: &'a ModelLine,
    },
}

/// What is in memory.
#[derive(Serialize)]
pub(crate) struct ModelLine {
    pub(crate) parameters: usize,
    pub(crate) dtype: String,
    pub(crate) weight_bytes: usize,
    pub(crate) load_seconds: f64,
}

#[derive(Serialize)]
struct TimingLine {
    prefill_seconds: f64,
    decode_seconds: f64,
}

impl Output {
    pub(crate) fn new(json: bool, stream: bool, model: ModelLine) -> Self {
        Self {
            stdout: std::io::stdout(),
            json,
            stream,
            model,
            at_line_start: true,
        }
    }

    pub(crate) fn write(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Text { text, ids, .. } if self.stream => {
                if self.json {
                    self.line(&Line::Text { text, ids })
                } else {
                    self.text(text)
                }
            }
            Event::Text { .. } => Ok(()),
            Event::Finished(summary) => {
                if self.json {
                    self.line(&finished(summary, &self.model))
                } else {
                    if !self.stream {
                        self.text(&summary.text)?;
                    }
                    self.end_line()
                }
            }
        }
    }

    fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()?;
        if !text.is_empty() {
            self.at_line_start = text.ends_with('\n');
        }
        Ok(())
    }

    /// Puts a terminal's prompt on a line of its own. A file or a pipe gets the text and nothing else.
    fn end_line(&mut self) -> anyhow::Result<()> {
        if !self.at_line_start && self.stdout.is_terminal() {
            self.stdout.write_all(b"\n")?;
        }
        Ok(())
    }

    fn line(&self, line: &Line<'_>) -> anyhow::Result<()> {
        let json = serde_json::to_string(line)?;
        let mut stdout = self.stdout.lock();
        writeln!(stdout, "{json}")?;
        stdout.flush()?;
        Ok(())
    }
}

fn finished<'a>(summary: &'a Summary, model: &'a ModelLine) -> Line<'a> {
    let stop_token = match summary.reason {
        FinishReason::StopToken(id) => Some(id),
        _ => None,
    };
    Line::Finished {
        reason: summary.reason.as_str(),
        stop_token,
        text: &summary.text,
        ids: &summary.ids,
        prompt_tokens: summary.prompt_tokens,
        cut_tokens: summary.cut_tokens,
        generated_tokens: summary.generated_tokens,
        seed: summary.seed,
        timing: TimingLine {
            prefill_seconds: summary.timing.prefill.as_secs_f64(),
            decode_seconds: summary.timing.decode.as_secs_f64(),
        },
        model,
    }
}
