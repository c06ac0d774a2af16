//! Top-p: keeps the likeliest ids up to a share of the mass.

use super::LogitsProcessor;
use crate::History;

/// Nucleus sampling (Holtzman et al. 2020): keeps the smallest head of the distribution whose mass exceeds `p`.
///
/// In order of falling probability an id stays as long as the mass before it does not exceed `p`; so the id that
/// crosses the line stays, and the likeliest always does. Equally likely ids stand in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct TopP {
    p: f32,
    /// Ids that are still possible, likeliest first.
    ranked: Vec<u32>,
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
        self.ranked.extend(
            (0u32..)
                .zip(&*logits)
                .filter(|(_, l)| **l > f32::NEG_INFINITY)
                .map(|(id, _)| id),
        );
        self.ranked.sort_unstable_by(|&a, &b| {
            logits[b as usize]
                .total_cmp(&logits[a as usize])
                .then(a.cmp(&b))
        });
        let Some(&likeliest) = self.ranked.first() else {
            return;
        };

        let max = logits[likeliest as usize];
        let weight = |logit: f32| f64::from((logit - max).exp());
        let total: f64 = self
            .ranked
            .iter()
            .map(|&id| weight(logits[id as usize]))
            .sum();
        let mut before = 0.0;
        for &id in &self.ranked {
            let logit = &mut logits[id as usize];
            let share = weight(*logit) / total;
            if before as f32 > self.p {
                *logit = f32::NEG_INFINITY;
            }
            before += share;
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
