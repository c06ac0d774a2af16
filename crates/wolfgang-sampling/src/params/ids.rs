//! Validation of the token ids in the parameters.

#[cfg(test)]
mod tests;

use super::SamplingParams;
use super::validate::check;
use crate::SamplingError;

impl SamplingParams {
    /// Validates the token ids in all parameters.
    ///
    /// # Errors
    /// [`SamplingError::UnknownId`] for the first id outside the vocabulary,
    /// [`SamplingError::ConflictingParams`] and [`SamplingError::InvalidParam`] if the lists mask
    /// all ids or have no effect.
    pub(crate) fn validate_ids(&self, vocab_size: usize) -> Result<(), SamplingError> {
        self.check_ids_known(vocab_size)?;
        self.check_biases_distinct()?;
        check(
            self.min_new_tokens == 0 || !self.end_tokens.is_empty(),
            "min_new_tokens",
            self.min_new_tokens,
            "it requires end_tokens, the ids that it masks",
        )?;
        self.check_ids_remain(vocab_size)
    }

    fn check_ids_known(&self, vocab_size: usize) -> Result<(), SamplingError> {
        let biased: Vec<u32> = self.logit_bias.iter().map(|&(id, _)| id).collect();
        let breakers = self.dry.as_ref().map(|dry| &dry.sequence_breakers[..]);
        let lists = [
            ("allowed_tokens", self.allowed_tokens.as_deref()),
            ("banned_tokens", Some(&self.banned_tokens[..])),
            ("end_tokens", Some(&self.end_tokens[..])),
            ("logit_bias", Some(&biased[..])),
            ("dry.sequence_breakers", breakers),
        ];
        for (parameter, ids) in lists {
            let mut ids = ids.unwrap_or_default().iter();
            if let Some(&id) = ids.find(|&&id| id as usize >= vocab_size) {
                return Err(SamplingError::UnknownId {
                    parameter,
                    id,
                    vocab_size,
                });
            }
        }
        Ok(())
    }

    fn check_biases_distinct(&self) -> Result<(), SamplingError> {
        let mut ids: Vec<u32> = self.logit_bias.iter().map(|&(id, _)| id).collect();
        ids.sort_unstable();
        match ids.array_windows().find(|[a, b]| a == b) {
            Some([id, _]) => Err(SamplingError::InvalidParam {
                parameter: "logit_bias",
                value: format!("given twice for token id {id}"),
                rule: "each token id may have at most one bias",
            }),
            None => Ok(()),
        }
    }

    fn check_ids_remain(&self, vocab_size: usize) -> Result<(), SamplingError> {
        if self.allowed_tokens.is_none()
            && self.banned_tokens.is_empty()
            && self.min_new_tokens == 0
        {
            return Ok(());
        }
        let mut left = vec![self.allowed_tokens.is_none(); vocab_size];
        let allowed = self.allowed_tokens.as_deref().unwrap_or_default();
        for &id in allowed {
            left[id as usize] = true;
        }
        check(
            self.allowed_tokens.is_none() || !allowed.is_empty(),
            "allowed_tokens",
            "empty",
            "it must contain at least 1 token id",
        )?;
        for &id in &self.banned_tokens {
            left[id as usize] = false;
        }
        if !self.banned_tokens.is_empty() && !left.contains(&true) {
            return Err(if self.allowed_tokens.is_some() {
                SamplingError::ConflictingParams {
                    parameters: ["allowed_tokens", "banned_tokens"],
                    why: "every allowed token is banned",
                }
            } else {
                SamplingError::InvalidParam {
                    parameter: "banned_tokens",
                    value: "the whole vocabulary".to_owned(),
                    rule: "it must leave at least 1 token",
                }
            });
        }
        if self.min_new_tokens > 0 {
            for &id in &self.end_tokens {
                left[id as usize] = false;
            }
            if !left.contains(&true) {
                return Err(SamplingError::ConflictingParams {
                    parameters: ["min_new_tokens", "end_tokens"],
                    why: "every token that can be sampled ends the generation",
                });
            }
        }
        Ok(())
    }
}
