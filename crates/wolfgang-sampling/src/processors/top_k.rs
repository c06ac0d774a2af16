//! Top-k: keeps the likeliest ids.

use super::LogitsProcessor;
use crate::History;

/// Rules out every id that is less likely than the k-th likeliest. Ids that tie with it stay, as in the original.
#[derive(Clone, Debug)]
pub(crate) struct TopK {
    k: usize,
    scratch: Vec<f32>,
}

impl TopK {
    /// `k` must be at least 1; a `k` beyond the vocabulary keeps everything.
    pub(crate) fn new(k: usize, vocab_size: usize) -> Self {
        Self {
            k,
            scratch: Vec::with_capacity(vocab_size),
        }
    }
}

impl LogitsProcessor for TopK {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        if self.k >= logits.len() {
            return;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(logits);
        let (_, &mut kth, _) = self
            .scratch
            .select_nth_unstable_by(self.k - 1, |a, b| b.total_cmp(a));
        for logit in logits {
            if *logit < kth {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_with_the_last_stay() {
        let out = f32::NEG_INFINITY;
        let cases = [
            (1, [out, 3.0, 3.0, out, out]),
            (2, [out, 3.0, 3.0, out, out]),
            (3, [2.0, 3.0, 3.0, 2.0, out]),
            (5, [2.0, 3.0, 3.0, 2.0, 1.0]),
            (99, [2.0, 3.0, 3.0, 2.0, 1.0]),
        ];
        for (k, expected) in cases {
            let mut logits = [2.0, 3.0, 3.0, 2.0, 1.0];
            TopK::new(k, 5).process(
                &mut logits,
                History {
                    prompt: &[],
                    generated: &[],
                },
            );
            assert_eq!(logits, expected, "k = {k}");
        }
    }
}
