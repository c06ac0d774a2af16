//! Standard output of `generate`: text, or JSON by the line.

use crate::standard_streams::{self, StandardOutput};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use wolfgang_generate::{
    Alternative, Event, FinishReason, SpecialTokens, Summary, Timing, TokenLogprobs, Tokenizer,
    WolfgangModel,
};

/// Between several texts.
const SEPARATOR: &str = "\n---\n";

/// How events are written.
pub(crate) struct Output<'a> {
    stdout: StandardOutput,
    json: bool,
    stream: bool,
    samples: usize,
    model: ModelLine,
    tokenizer: &'a Tokenizer,
    /// Whole texts that wait for those before them.
    waiting: BTreeMap<usize, String>,
    /// How many whole texts have been written.
    written: usize,
    /// Whether the text so far ends a line.
    at_line_start: bool,
}

/// One line of `--json`; `docs/command.md` describes them.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Text {
        sample: usize,
        text: &'a str,
        ids: &'a [u32],
        #[serde(skip_serializing_if = "Vec::is_empty")]
        logprobs: Vec<TokenLine>,
    },
    Finished {
        sample: usize,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        stop_token: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stop_string: Option<usize>,
        text: &'a str,
        ids: &'a [u32],
        #[serde(skip_serializing_if = "Vec::is_empty")]
        logprobs: Vec<TokenLine>,
        prompt_tokens: usize,
        truncated_tokens: usize,
        cached_tokens: usize,
        generated_tokens: usize,
        seed: u64,
        timing: TimingLine,
        model: &'a ModelLine,
    },
}

/// How likely a token was.
#[derive(Serialize)]
struct TokenLine {
    #[serde(flatten)]
    chosen: AlternativeLine,
    alternatives: Vec<AlternativeLine>,
}

/// Logarithms of probabilities; what the chain rules out has none behind it, for JSON has no infinity.
#[derive(Serialize)]
struct AlternativeLine {
    id: u32,
    token: String,
    model: f32,
    sampled: Option<f32>,
}

/// What is in memory.
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

/// Where the time went.
#[derive(Serialize)]
pub(crate) struct TimingLine {
    prefill_seconds: f64,
    decode_seconds: f64,
}

impl TimingLine {
    pub(crate) fn new(timing: &Timing) -> Self {
        Self {
            prefill_seconds: timing.prefill.as_secs_f64(),
            decode_seconds: timing.decode.as_secs_f64(),
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

    /// Writes what has happened to one of the samples.
    pub(crate) fn write(&mut self, sample: usize, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Text {
                text,
                ids,
                logprobs,
                ..
            } if self.stream => {
                if self.json {
                    self.line(&Line::Text {
                        sample,
                        text,
                        ids,
                        logprobs: self.tokens(logprobs),
                    })
                } else if self.samples == 1 {
                    self.text(text)
                } else {
                    Ok(())
                }
            }
            Event::Finished(summary) if self.json => self.line(&self.finished(sample, summary)),
            Event::Finished(_) if self.stream && self.samples == 1 => Ok(()),
            Event::Finished(summary) => {
                self.waiting.insert(sample, summary.text.clone());
                self.whole_texts()
            }
            _ => Ok(()),
        }
    }

    /// Several texts would run into each other if they were written as they are made.
    fn whole_texts(&mut self) -> anyhow::Result<()> {
        while let Some(text) = self.waiting.remove(&self.written) {
            if self.written > 0 {
                self.text(SEPARATOR)?;
            }
            self.text(&text)?;
            self.written += 1;
        }
        Ok(())
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
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        if !self.json && !self.at_line_start && self.stdout.is_terminal() {
            self.stdout.write_all(b"\n")?;
        }
        Ok(self.stdout.flush()?)
    }

    fn line(&self, line: &Line<'_>) -> anyhow::Result<()> {
        let json = serde_json::to_string(line)? + "\n";
        let mut stdout = standard_streams::output();
        stdout.write_all(json.as_bytes())?;
        Ok(stdout.flush()?)
    }

    fn finished<'b>(&'b self, sample: usize, summary: &'b Summary) -> Line<'b> {
        Line::Finished {
            sample,
            reason: summary.reason.as_str(),
            stop_token: match summary.reason {
                FinishReason::StopToken(id) => Some(id),
                _ => None,
            },
            stop_string: match summary.reason {
                FinishReason::StopString(index) => Some(index),
                _ => None,
            },
            text: &summary.text,
            ids: &summary.ids,
            logprobs: self.tokens(&summary.logprobs),
            prompt_tokens: summary.prompt_tokens,
            truncated_tokens: summary.truncated_tokens,
            cached_tokens: summary.cached_tokens,
            generated_tokens: summary.generated_tokens,
            seed: summary.seed,
            timing: TimingLine::new(&summary.timing),
            model: &self.model,
        }
    }

    fn tokens(&self, logprobs: &[TokenLogprobs]) -> Vec<TokenLine> {
        let line = |alternative: &Alternative| AlternativeLine {
            id: alternative.id,
            token: self
                .tokenizer
                .decode(&[alternative.id], SpecialTokens::Keep),
            model: alternative.model,
            sampled: Some(alternative.sampled).filter(|logprob| logprob.is_finite()),
        };
        let token = |told: &TokenLogprobs| TokenLine {
            chosen: line(&told.chosen),
            alternatives: told.alternatives.iter().map(line).collect(),
        };
        logprobs.iter().map(token).collect()
    }
}
