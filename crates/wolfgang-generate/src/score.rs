//! How likely a given text is.

use crate::logprobs::logprob;
use crate::{GenerateError, Prompt, WolfgangGenerator};
use wolfgang_model::{ModelError, to_host};

/// What the model thinks of a text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Score {
    /// Its tokens.
    pub ids: Vec<u32>,
    /// For each token the natural logarithm of its probability behind those before it, as far back as the model sees
    /// in its window; none for the first, which nothing comes before.
    pub logprobs: Vec<Option<f32>>,
}

impl Score {
    /// The mean over all tokens but the first; none if there are no others.
    pub fn mean_logprob(&self) -> Option<f64> {
        let known = self.logprobs.iter().flatten();
        let n = known.clone().count();
        let sum: f64 = known.map(|logprob| f64::from(*logprob)).sum();
        (n > 0).then(|| sum / n as f64)
    }

    /// exp(−[`mean_logprob`](Self::mean_logprob)): among how many equally likely tokens the model wavers.
    pub fn perplexity(&self) -> Option<f64> {
        self.mean_logprob().map(|mean| (-mean).exp())
    }
}

/// Positions whose logits are brought to the host at once.
const ROWS: usize = 64;

impl WolfgangGenerator {
    /// Scores a text. One that is longer than the model's context is scored in windows that overlap by half, so that
    /// every token but those of the first window has at least half a context before it.
    ///
    /// # Errors
    /// [`GenerateError::Model`], [`GenerateError::Tokenizer`], and [`GenerateError::Sampling`] if the model's logits are
    /// no numbers.
    pub fn score<'a>(&self, text: impl Into<Prompt<'a>>) -> Result<Score, GenerateError> {
        let ids = text.into().encode(self.tokenizer())?;
        let config = self.model().config();
        if let Some(position) = ids.iter().position(|id| *id as usize >= config.vocab_size) {
            return Err(GenerateError::Model(ModelError::UnknownId {
                id: ids[position],
                position,
                vocab_size: config.vocab_size,
            }));
        }
        let mut logprobs = vec![None; ids.len()];
        // The first window begins with the text; each further one knows at least half a context before its own tokens.
        let half = config.block_size / 2;
        let mut known = 0;
        while known + 1 < ids.len() {
            let begin = known.saturating_sub(half);
            let end = (ids.len() - 1).min(begin + config.block_size);
            let logits = self.model().forward(&ids[begin..end])?;
            // What the model made is not held twice.
            for first in (known - begin..end - begin).step_by(ROWS) {
                let rows = ROWS.min(end - begin - first);
                let logits = to_host(logits.clone().narrow(0, first, rows))?;
                let next = begin + first + 1..;
                for (row, next) in logits.chunks_exact(config.vocab_size).zip(next) {
                    logprobs[next] = Some(logprob(row, ids[next])?);
                }
            }
            known = end;
        }
        Ok(Score { ids, logprobs })
    }
}
