//! Log-probabilities of tokens, given the tokens before them.

use crate::logprobs::{checked_log_sum_exp, logprob, top_n};
use crate::sequence_cache::SequenceCache;
use crate::{GenerateError, WolfgangGenerator};
use wolfgang_model::WolfgangModel;

/// A token and its log-probability at a position of a scored text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ScoreAlternative {
    /// Token id.
    pub id: u32,
    /// Natural logarithm of its probability according to the model.
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub logprob: f32,
}

/// The score of one token.
#[derive(Debug)]
pub(super) struct TokenScore {
    pub(super) logprob: f32,
    /// Whether greedy decoding would choose the token: it has the largest logit, and of equal
    /// logits the lowest id.
    pub(super) is_greedy: bool,
    /// The most likely tokens, most likely first.
    pub(super) alternatives: Vec<ScoreAlternative>,
}

/// Maximum number of positions whose logits are in memory at once.
const ROWS: usize = 256;

/// Scores sequences one after the other. A prefix that a sequence shares with the context of the
/// next one is not recomputed.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    model: &'a WolfgangModel,
    /// Number of alternatives of each score.
    alternatives: usize,
    /// Ids that the tokenizer has: ids of padding are not generated.
    known: u32,
    sequence: SequenceCache,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(generator: &'a WolfgangGenerator, alternatives: usize) -> Self {
        Self {
            model: generator.model(),
            known: generator.tokenizer().vocab_size() as u32,
            alternatives,
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
            let input = self.sequence.input(self.model, before, false)?;
            SequenceCache::forward(self.model, vec![input])?;
        }
        let mut scored = context;
        while scored < ids.len() {
            let end = ids.len().min(scored + ROWS);
            let logits = self.sequence.all_logits(self.model, &ids[..end - 1])?;
            for (row, id) in logits.chunks_exact(vocab_size).zip(&ids[scored..end]) {
                each(self.token(row, *id)?);
            }
            scored = end;
        }
        Ok(())
    }

    fn token(&self, logits: &[f32], id: u32) -> Result<TokenScore, GenerateError> {
        let total = checked_log_sum_exp(logits)?;
        let mut top = top_n(logits, 0..self.known, self.alternatives.max(1));
        let is_greedy = top.first() == Some(&id);
        top.truncate(self.alternatives);
        let alternative = |id: u32| ScoreAlternative {
            id,
            logprob: logprob(logits[id as usize], total),
        };
        Ok(TokenScore {
            logprob: alternative(id).logprob,
            is_greedy,
            alternatives: top.into_iter().map(alternative).collect(),
        })
    }
}
