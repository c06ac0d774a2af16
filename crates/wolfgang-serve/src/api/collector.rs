//! Text, ids and log-probabilities of one or several events of a choice.

use wolfgang_generate::{Event, Score, Summary, TokenLogprobs};

/// Consecutive events of a choice as one piece.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) text: String,
    pub(crate) ids: Vec<u32>,
    pub(crate) logprobs: Vec<TokenLogprobs>,
    /// Those of the prompt.
    pub(crate) prompt_logprobs: Option<Score>,
    /// The end of the choice.
    pub(crate) end: Option<Summary>,
}

impl Pieces {
    pub(crate) fn push(&mut self, event: Event) {
        match event {
            Event::Text {
                text,
                ids,
                logprobs,
                ..
            } => {
                self.text.push_str(&text);
                self.ids.extend(ids);
                self.logprobs.extend(logprobs);
            }
            Event::PromptLogprobs(score) => self.prompt_logprobs = Some(score),
            Event::Finished(summary) => self.end = Some(summary),
            _ => {}
        }
    }

    /// A whole choice.
    pub(crate) fn whole(mut summary: Summary) -> Self {
        Self {
            text: std::mem::take(&mut summary.text),
            ids: std::mem::take(&mut summary.ids),
            logprobs: std::mem::take(&mut summary.logprobs),
            prompt_logprobs: summary.prompt_logprobs.take(),
            end: Some(summary),
        }
    }
}
