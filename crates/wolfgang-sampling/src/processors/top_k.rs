//! Top-k: keeps the k most likely ids.

use super::LogitsProcessor;
use crate::History;
use crate::scan::{self, BLOCK};

/// Masks every id that is less likely than the k-th most likely one. Ids that tie with it are kept,
/// as in the original.
#[derive(Clone, Debug)]
pub(crate) struct TopK {
    k: usize,
    /// The largest logit of each block.
    maxima: Vec<f32>,
    scratch: Vec<f32>,
}

impl TopK {
    /// `k` must be at least 1; a `k` above the size of the vocabulary keeps all ids.
    pub(crate) fn new(k: usize, vocab_size: usize) -> Self {
        Self {
            k,
            maxima: Vec::with_capacity(vocab_size.div_ceil(BLOCK)),
            scratch: Vec::with_capacity(vocab_size),
        }
    }

    /// Returns the k-th largest logit, or −∞ if fewer than k ids are not masked.
    fn kth(&mut self, logits: &[f32]) -> f32 {
        self.maxima.clear();
        self.maxima.extend(logits.chunks(BLOCK).map(scan::max));
        // At least k logits are not below the k-th largest maximum, so smaller ones can be skipped.
        let floor = if self.k <= self.maxima.len() {
            self.scratch.clear();
            self.scratch.extend_from_slice(&self.maxima);
            select(&mut self.scratch, self.k)
        } else {
            f32::NEG_INFINITY
        };
        // Masked logits are skipped as well.
        let floor = floor.max(f32::MIN);
        self.scratch.clear();
        for (block, &max) in logits.chunks(BLOCK).zip(&self.maxima) {
            if max >= floor {
                self.scratch.extend(block.iter().filter(|&&l| l >= floor));
            }
        }
        if self.scratch.len() < self.k {
            return f32::NEG_INFINITY;
        }
        select(&mut self.scratch, self.k)
    }
}

/// Returns the k-th largest of at least k values. Changes their order.
fn select(values: &mut [f32], k: usize) -> f32 {
    *values
        .select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a))
        .1
}

impl LogitsProcessor for TopK {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        if self.k >= logits.len() {
            return;
        }
        let kth = self.kth(logits);
        scan::mask_below(logits, kth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_tie_with_the_last_are_kept() {
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
