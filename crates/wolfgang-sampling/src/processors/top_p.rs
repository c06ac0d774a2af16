//! Top-p: keeps the likeliest ids up to a share of the mass.

use super::LogitsProcessor;
use crate::History;
use crate::blocks;
use crate::rank::{id_of, rank};

/// Nucleus sampling (Holtzman et al. 2020): keeps the smallest head of the distribution whose mass exceeds `p`.
///
/// In order of falling probability an id stays as long as the mass before it does not exceed `p`; so the id that
/// crosses the line stays, and the likeliest always does. Equally likely ids stand in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct TopP {
    p: f32,
    /// The ids that bear mass, as [`rank`]s, likeliest first.
    ranked: Vec<u64>,
}

impl TopP {
    /// `p` must lie between 0 and 1.
    pub(crate) fn new(p: f32, vocab_size: usize) -> Self {
        Self {
            p,
            ranked: Vec::with_capacity(vocab_size),
        }
    }
}

impl LogitsProcessor for TopP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        self.ranked.clear();
        let possible = blocks::above(logits, f32::NEG_INFINITY);
        possible.for_each(|(id, logit)| self.ranked.push(rank(logit, id)));
        self.ranked.sort_unstable();
        let Some(&likeliest) = self.ranked.first() else {
            return;
        };

        let max = logits[id_of(likeliest)];
        let weight = |logit: f32| f64::from((logit - max).exp());
        let total: f64 = self
            .ranked
            .iter()
            .map(|&rank| weight(logits[id_of(rank)]))
            .sum();
        let mut before = 0.0;
        let mut kept = 0;
        for &rank in &self.ranked {
            if before as f32 > self.p {
                break;
            }
            before += weight(logits[id_of(rank)]) / total;
            kept += 1;
        }
        for &rank in &self.ranked[kept..] {
            logits[id_of(rank)] = f32::NEG_INFINITY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_that_crosses_the_line_stays() {
        let probabilities = [0.1f32, 0.5, 0.15, 0.25];
        let kept = |p: f32| {
            let mut logits = probabilities.map(f32::ln);
            TopP::new(p, 4).process(
                &mut logits,
                History {
                    prompt: &[],
                    generated: &[],
                },
            );
            logits.map(|l| l > f32::NEG_INFINITY)
        };
        assert_eq!(kept(0.0), [false, true, false, false]);
        assert_eq!(kept(0.49), [false, true, false, false]);
        assert_eq!(kept(0.51), [false, true, false, true]);
        assert_eq!(kept(0.76), [false, true, true, true]);
        assert_eq!(kept(0.95), [true; 4]);
    }

    #[test]
    fn of_equals_the_lower_ids_stay() {
        let mut logits = [0.0; 8];
        let history = History {
            prompt: &[],
            generated: &[],
        };
        TopP::new(0.5, 8).process(&mut logits, history);
        let kept = logits.map(|l| l > f32::NEG_INFINITY);
        assert_eq!(kept, [true, true, true, true, true, false, false, false]);
    }
}
