//! How likely a given text is.

use crate::logprobs::log_sum_exp;
use crate::{GenerateError, Prompt, WolfgangGenerator};
use wolfgang_model::{ModelError, to_host};

/// What the model thinks of a text.
#[derive(Clone, Debug, PartialEq)]
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

impl WolfgangGenerator {
    /// Scores a text. One that is longer than the model's context is scored in windows that overlap by half, so that
    /// every token but those of the first window has at least half a context before it.
    ///
    /// # Errors
    /// [`GenerateError::Model`], [`GenerateError::Tokenizer`].
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
        // The first window begins with the text; each further one knows the half before its own.
        let half = (config.block_size / 2).max(1);
        let mut known = 0;
        while known + 1 < ids.len() || known == 0 {
            let begin = if known == 0 {
                0
            } else {
                (known + 1).saturating_sub(half)
            };
            let end = ids.len().min(begin + config.block_size);
            let logits = to_host(self.model().forward(&ids[begin..end])?)?;
            let rows = logits.chunks_exact(config.vocab_size).enumerate();
            for (row, logits) in rows.take(end - begin - 1) {
                let next = begin + row + 1;
                if next > known {
                    let logit = f64::from(logits[ids[next] as usize]);
                    logprobs[next] = Some((logit - log_sum_exp(logits)) as f32);
                }
            }
            known = end - 1;
            if known == 0 {
                break;
            }
        }
        Ok(Score { ids, logprobs })
    }
}
