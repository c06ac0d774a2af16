//! Logit bias: makes single ids more or less likely.

use super::LogitsProcessor;
use crate::History;

/// Adds a bias to the logits of single ids, as `logit_bias` of OpenAI's API does.
#[derive(Clone, Debug)]
pub(crate) struct LogitBias {
    biases: Vec<(u32, f32)>,
}

impl LogitBias {
    /// Each id may occur only once.
    pub(crate) fn new(biases: &[(u32, f32)]) -> Self {
        Self {
            biases: biases.to_vec(),
        }
    }
}

impl LogitsProcessor for LogitBias {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        for &(id, bias) in &self.biases {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit += bias;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn a_bias_is_added_to_its_logit() {
        let mut logits = [1.0, -2.0, f32::NEG_INFINITY, f32::MAX];
        LogitBias::new(&[(1, 0.5), (0, -3.0), (2, 1e6), (3, 1e6)]).process(&mut logits, EMPTY);
        assert_eq!(logits, [-2.0, -1.5, f32::NEG_INFINITY, f32::MAX]);
    }
}
