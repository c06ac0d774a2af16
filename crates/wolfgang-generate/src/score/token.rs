//! Scores of tokens, from the logits of the positions before them.

use crate::logprobs::{checked_log_sum_exp, logprob, top_n};
use crate::{GenerateError, WolfgangGenerator};

/// Maximum number of positions whose logits are in memory at once.
pub(crate) const MAX_LOGITS_ROWS: usize = 256;

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
pub(crate) struct TokenScore {
    pub(crate) logprob: f32,
    /// Whether greedy decoding would choose the token: it has the largest logit, and of equal
    /// logits the lowest id.
    pub(crate) is_greedy: bool,
    /// The most likely tokens, most likely first.
    pub(crate) alternatives: Vec<ScoreAlternative>,
}

/// Computes scores of tokens.
#[derive(Debug)]
pub(crate) struct TokenScorer {
    /// Number of alternatives of each score.
    alternatives: usize,
    /// Ids that the tokenizer has: ids of padding are not generated.
    known: u32,
}

impl TokenScorer {
    pub(crate) fn new(generator: &WolfgangGenerator, alternatives: usize) -> Self {
        Self {
            alternatives,
            known: generator.tokenizer().vocab_size() as u32,
        }
    }

    /// Returns the score of the token `id` at a position with these logits, `[vocab_size]`.
    pub(crate) fn score(&self, logits: &[f32], id: u32) -> Result<TokenScore, GenerateError> {
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
