//! Scores of sequences.

use super::token::{MAX_LOGITS_ROWS, TokenScore, TokenScorer};
use crate::sequence_cache::SequenceCache;
use crate::{GenerateError, WolfgangGenerator};
use wolfgang_model::WolfgangModel;

/// Scores sequences one after the other. A prefix that a sequence shares with the context of the
/// next one is not recomputed.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    model: &'a WolfgangModel,
    tokens: TokenScorer,
    sequence: SequenceCache,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(generator: &'a WolfgangGenerator, alternatives: usize) -> Self {
        Self {
            model: generator.model(),
            tokens: TokenScorer::new(generator, alternatives),
            sequence: SequenceCache::default(),
        }
    }

    /// Scores the tokens after the first `context` ones, each given all tokens before it, and calls
    /// `each` once per token. `context` is at least 1, and all ids except the last fit into the
    /// model's context.
    pub(super) fn score(
        &mut self,
        ids: &[u32],
        context: usize,
        mut each: impl FnMut(TokenScore),
    ) -> Result<(), GenerateError> {
        let vocab_size = self.model.config().vocab_size;
        // The first score needs the logits of the context's last id, so that id is computed below.
        let cached = self.sequence.reuse_prefix(&ids[..context]);
        if cached < context - 1 {
            let before = &ids[..context - 1];
            let input = self.sequence.input(self.model, before, 0)?;
            SequenceCache::forward(self.model, vec![input])?;
        }
        let mut scored = context;
        while scored < ids.len() {
            let end = ids.len().min(scored + MAX_LOGITS_ROWS);
            let before = &ids[..end - 1];
            let input = self.sequence.input(self.model, before, end - scored)?;
            let logits = SequenceCache::forward(self.model, vec![input])?;
            let rows = logits.iter().flat_map(|rows| rows.chunks_exact(vocab_size));
            for (row, id) in rows.zip(&ids[scored..end]) {
                each(self.tokens.score(row, *id)?);
            }
            scored = end;
        }
        Ok(())
    }
}
