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
    /// The end of the choice. Of pieces of a stream it has neither text nor ids.
    pub(crate) end: Option<Summary>,
    /// Number of ids, and of tokens with log-probabilities: a measure of the time to render them.
    pub(crate) names: usize,
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
                let named = logprobs.iter().map(|token| 1 + token.alternatives.len());
                self.names += ids.len() + named.sum::<usize>();
                self.text.push_str(&text);
                self.ids.extend(ids);
                self.logprobs.extend(logprobs);
            }
            Event::PromptLogprobs(score) => {
                let named = score.alternatives.iter().map(|token| 1 + token.len());
                self.names += named.sum::<usize>();
                self.prompt_logprobs = Some(score);
            }
            Event::Finished(summary) => self.end = Self::whole(summary).end,
            _ => {}
        }
    }

    /// Adds pieces that follow.
    pub(crate) fn append(&mut self, next: Self) {
        self.text.push_str(&next.text);
        self.ids.extend(next.ids);
        self.logprobs.extend(next.logprobs);
        self.prompt_logprobs = next.prompt_logprobs.or(self.prompt_logprobs.take());
        self.end = next.end.or(self.end.take());
        self.names += next.names;
    }

    /// A whole choice.
    pub(crate) fn whole(mut summary: Summary) -> Self {
        Self {
            text: std::mem::take(&mut summary.text),
            ids: std::mem::take(&mut summary.ids),
            logprobs: std::mem::take(&mut summary.logprobs),
            prompt_logprobs: summary.prompt_logprobs.take(),
            end: Some(summary),
            names: 0,
        }
    }
}
