//! Ids in parameters, against the vocabulary and each other.

use super::SamplingParams;
use super::validate::check;
use crate::SamplingError;

impl SamplingParams {
    /// Checks the ids that parameters name.
    ///
    /// # Errors
    /// [`SamplingError::UnknownId`] for the first beyond the vocabulary, [`SamplingError::ConflictingParams`] and
    /// [`SamplingError::InvalidParam`] if they leave no id to choose.
    pub(crate) fn validate_ids(&self, vocab_size: usize) -> Result<(), SamplingError> {
        self.ids_are_known(vocab_size)?;
        self.biases_are_distinct()?;
        check(
            self.min_new_tokens == 0 || !self.end_tokens.is_empty(),
            "min_new_tokens",
            self.min_new_tokens,
            "it requires end_tokens, the ids that it masks",
        )?;
        self.something_is_left(vocab_size)
    }

    fn ids_are_known(&self, vocab_size: usize) -> Result<(), SamplingError> {
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

    fn biases_are_distinct(&self) -> Result<(), SamplingError> {
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

    fn something_is_left(&self, vocab_size: usize) -> Result<(), SamplingError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DryParams;

    fn plain() -> SamplingParams {
        SamplingParams::default()
    }

    #[test]
    fn ids_beyond_the_vocabulary_are_named() {
        let dry = DryParams {
            sequence_breakers: vec![3, 4],
            ..DryParams::default()
        };
        #[rustfmt::skip]
        let cases = [
            ("allowed_tokens", SamplingParams { allowed_tokens: Some(vec![3, 4]), ..plain() }),
            ("banned_tokens", SamplingParams { banned_tokens: vec![3, 4], ..plain() }),
            ("end_tokens", SamplingParams { end_tokens: vec![3, 4], ..plain() }),
            ("logit_bias", SamplingParams { logit_bias: vec![(3, 1.0), (4, 1.0)], ..plain() }),
            ("dry.sequence_breakers", SamplingParams { dry: Some(dry), ..plain() }),
        ];
        for (parameter, params) in cases {
            assert_eq!(params.validate_ids(5), Ok(()), "{parameter}");
            assert_eq!(
                params.validate_ids(4),
                Err(SamplingError::UnknownId {
                    parameter,
                    id: 4,
                    vocab_size: 4
                })
            );
        }
    }

    #[test]
    fn what_leaves_nothing_to_choose_is_refused() {
        let contradiction =
            |parameters, why| Err(SamplingError::ConflictingParams { parameters, why });
        let params = SamplingParams {
            allowed_tokens: Some(vec![1, 2]),
            banned_tokens: vec![2, 1, 0],
            ..plain()
        };
        assert_eq!(
            params.validate_ids(4),
            contradiction(
                ["allowed_tokens", "banned_tokens"],
                "every allowed token is banned"
            )
        );
        let params = SamplingParams {
            allowed_tokens: Some(vec![1, 2]),
            banned_tokens: vec![2],
            min_new_tokens: 1,
            end_tokens: vec![1],
            ..plain()
        };
        assert_eq!(
            params.validate_ids(4),
            contradiction(
                ["min_new_tokens", "end_tokens"],
                "every token that can be sampled ends the generation"
            )
        );
        // At once they may end.
        let params = SamplingParams {
            min_new_tokens: 0,
            ..params
        };
        assert_eq!(params.validate_ids(4), Ok(()));
    }

    #[test]
    fn lists_that_mean_nothing_are_refused() {
        #[rustfmt::skip]
        let cases = [
            ("allowed_tokens", SamplingParams { allowed_tokens: Some(vec![]), ..plain() }),
            ("banned_tokens", SamplingParams { banned_tokens: vec![0, 1, 2, 3], ..plain() }),
            ("logit_bias", SamplingParams { logit_bias: vec![(1, 1.0), (0, 1.0), (1, 1.0)], ..plain() }),
            ("min_new_tokens", SamplingParams { min_new_tokens: 3, ..plain() }),
        ];
        for (name, params) in cases {
            match params.validate_ids(4) {
                Err(SamplingError::InvalidParam { parameter, .. }) => assert_eq!(parameter, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
