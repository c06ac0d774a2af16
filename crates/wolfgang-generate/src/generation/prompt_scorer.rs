//! Log-probabilities of the prompt, from the logits of its own prefill.

use crate::score::{Score, TokenScorer};
use crate::{GenerateError, WolfgangGenerator};

/// Scores the ids of a prompt while it is computed.
#[derive(Debug)]
pub(super) struct PromptScorer {
    tokens: TokenScorer,
    vocab_size: usize,
    /// Ids at the beginning that the model does not see.
    truncated: usize,
    /// Number of ids at the beginning that are truncated or whose logits have been used.
    used: usize,
    score: Score,
}

impl PromptScorer {
    /// The first id that is not truncated has no score, because the model sees none before it.
    pub(super) fn new(
        generator: &WolfgangGenerator,
        prompt: &[u32],
        truncated: usize,
        alternatives: usize,
    ) -> Self {
        let unscored = truncated + 1;
        Self {
            tokens: TokenScorer::new(generator, alternatives),
            vocab_size: generator.model().config().vocab_size,
            truncated,
            used: truncated,
            score: Score {
                ids: prompt.to_vec(),
                logprobs: vec![None; unscored],
                alternatives: vec![Vec::new(); unscored],
            },
        }
    }

    /// Number of ids, after the truncated ones, whose logits have been used.
    pub(super) fn computed(&self) -> usize {
        self.used - self.truncated
    }

    /// Scores with the logits of the next ids, `[n, vocab_size]`, and removes them, except those of
    /// the last id of the prompt.
    pub(super) fn push(&mut self, logits: &mut Vec<f32>) -> Result<(), GenerateError> {
        for row in logits.chunks_exact(self.vocab_size) {
            self.used += 1;
            if let Some(&id) = self.score.ids.get(self.used) {
                let token = self.tokens.score(row, id)?;
                self.score.logprobs.push(Some(token.logprob));
                self.score.alternatives.push(token.alternatives);
            }
        }
        let kept = if self.is_complete() {
            self.vocab_size
        } else {
            0
        };
        logits.drain(..logits.len() - kept);
        Ok(())
    }

    /// Whether the logits of all ids have been used.
    pub(super) fn is_complete(&self) -> bool {
        self.used == self.score.ids.len()
    }

    pub(super) fn into_score(self) -> Score {
        self.score
    }
}
