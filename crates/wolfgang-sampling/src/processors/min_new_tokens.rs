//! Minimum of new tokens: masks the end tokens until enough ids have been generated.

use super::LogitsProcessor;
use crate::History;

/// Masks the end tokens until `min` ids have been generated, as
/// `MinNewTokensLengthLogitsProcessor` of transformers does.
#[derive(Clone, Debug)]
pub(crate) struct MinNewTokens {
    min: usize,
    end_tokens: Vec<u32>,
}

impl MinNewTokens {
    pub(crate) fn new(min: usize, end_tokens: &[u32]) -> Self {
        Self {
            min,
            end_tokens: end_tokens.to_vec(),
        }
    }
}

impl LogitsProcessor for MinNewTokens {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        if history.generated.len() < self.min {
            super::mask(logits, &self.end_tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_tokens_are_masked_until_the_minimum() {
        let out = f32::NEG_INFINITY;
        let mut processor = MinNewTokens::new(2, &[0, 2]);
        for (generated, expected) in [
            (&[][..], [out, 1.0, out]),
            (&[1], [out, 1.0, out]),
            (&[1, 1], [1.0; 3]),
        ] {
            let mut logits = [1.0; 3];
            let history = History {
                prompt: &[1, 1, 1, 1],
                generated,
            };
            processor.process(&mut logits, history);
            assert_eq!(logits, expected, "{generated:?}");
        }
    }
}
