//! Standard output of `generate`: text or JSON Lines.

use crate::standard_streams::{self, StandardOutput};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::mem::take;
use wolfgang_explain::with_token_texts;
use wolfgang_generate::{Event, Tokenizer, WolfgangModel};

/// The separator of several texts.
const SEPARATOR: &str = "\n---\n";

/// Writer of events.
pub(crate) struct Output<'a> {
    stdout: StandardOutput,
    json: bool,
    stream: bool,
    samples: usize,
    model: ModelLine,
    tokenizer: &'a Tokenizer,
    /// Complete texts that are written after earlier samples.
    waiting: BTreeMap<usize, String>,
    /// Number of complete texts written.
    written: usize,
    /// Whether the output so far is empty or ends with a line break.
    at_line_start: bool,
}

/// One line of `--json`; `docs/command.md` describes them.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: Event,
    sample: usize,
    /// The log-probabilities of the event, with the texts of the tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logprobs: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a ModelLine>,
}

/// The loaded model.
#[derive(Serialize)]
pub(crate) struct ModelLine {
    pub(crate) parameters: usize,
    pub(crate) dtype: String,
    pub(crate) weight_bytes: usize,
    pub(crate) load_seconds: f64,
}

impl ModelLine {
    pub(crate) fn new(model: &WolfgangModel, load_seconds: f64) -> Self {
        Self {
            parameters: model.config().n_parameters(),
            dtype: model.precision().to_string(),
            weight_bytes: model.weight_bytes(),
            load_seconds,
        }
    }
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        json: bool,
        stream: bool,
        samples: usize,
        model: ModelLine,
        tokenizer: &'a Tokenizer,
    ) -> Self {
        Self {
            stdout: standard_streams::output(),
            json,
            stream,
            samples,
            model,
            tokenizer,
            waiting: BTreeMap::new(),
            written: 0,
            at_line_start: true,
        }
    }

    /// Writes an event of one of the samples.
    pub(crate) fn write(&mut self, sample: usize, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Text { text, .. } if self.stream && !self.json && self.samples == 1 => {
                self.write_text(text)
            }
            Event::Text { .. } if self.stream && self.json => self.write_line(sample, event),
            Event::Finished(_) if self.json => self.write_line(sample, event),
            Event::Finished(_) if self.stream && self.samples == 1 => Ok(()),
            Event::Finished(summary) => {
                self.waiting.insert(sample, summary.text.clone());
                self.write_complete_texts()
            }
            _ => Ok(()),
        }
    }

    /// Writes complete texts in the order of the samples. Streamed pieces would interleave.
    fn write_complete_texts(&mut self) -> anyhow::Result<()> {
        while let Some(text) = self.waiting.remove(&self.written) {
            if self.written > 0 {
                self.write_text(SEPARATOR)?;
            }
            self.write_text(&text)?;
            self.written += 1;
        }
        Ok(())
    }

    fn write_text(&mut self, text: &str) -> anyhow::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()?;
        if !text.is_empty() {
            self.at_line_start = text.ends_with('\n');
        }
        Ok(())
    }

    /// Ends the last line on a terminal. Files and pipes get the text alone.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        if !self.json && !self.at_line_start && self.stdout.is_terminal() {
            self.stdout.write_all(b"\n")?;
        }
        Ok(self.stdout.flush()?)
    }

    fn write_line(&self, sample: usize, event: &Event) -> anyhow::Result<()> {
        let mut event = event.clone();
        let (logprobs, model) = match &mut event {
            Event::Finished(summary) => (take(&mut summary.logprobs), Some(&self.model)),
            Event::Text { logprobs, .. } => (take(logprobs), None),
            _ => (Vec::new(), None),
        };
        let logprobs = logprobs
            .iter()
            .map(|token| with_token_texts(token, self.tokenizer));
        let line = Line {
            logprobs: logprobs.collect::<Result<_, _>>()?,
            event,
            sample,
            model,
        };
        let mut stdout = standard_streams::output();
        writeln!(stdout, "{}", serde_json::to_string(&line)?)?;
        Ok(stdout.flush()?)
    }
}
