//! Top-p: keeps the most likely ids up to a cumulative probability.

use super::LogitsProcessor;
use crate::History;
use crate::scan;
use crate::sort_key::{id_of, sort_key};

/// Nucleus sampling (Holtzman et al. 2020): keeps the smallest set of the most likely ids whose
/// cumulative probability exceeds `p`.
///
/// In descending order of probability, an id is kept if the cumulative probability of the ids
/// before it does not exceed `p`. So the id that exceeds `p` is kept, and the most likely id always
/// is. Equally likely ids are in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct TopP {
    p: f32,
    /// The [`sort_key`]s of the ids that are not masked, most likely first.
    sorted: Vec<u64>,
}

impl TopP {
    /// `p` must be between 0 and 1.
    pub(crate) fn new(p: f32, vocab_size: usize) -> Self {
        Self {
            p,
            sorted: Vec::with_capacity(vocab_size),
        }
    }
}

impl LogitsProcessor for TopP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        self.sorted.clear();
        let possible = scan::above(logits, f32::NEG_INFINITY);
        possible.for_each(|(id, logit)| self.sorted.push(sort_key(logit, id)));
        self.sorted.sort_unstable();
        let Some(&most_likely) = self.sorted.first() else {
            return;
        };

        let max = logits[id_of(most_likely)];
        let weight = |logit: f32| f64::from((logit - max).exp());
        let total: f64 = self
            .sorted
            .iter()
            .map(|&key| weight(logits[id_of(key)]))
            .sum();
        let mut before = 0.0;
        let mut kept = 0;
        for &key in &self.sorted {
            if before as f32 > self.p {
                break;
            }
            before += weight(logits[id_of(key)]) / total;
            kept += 1;
        }
        for &key in &self.sorted[kept..] {
            logits[id_of(key)] = f32::NEG_INFINITY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_whose_cumulative_probability_exceeds_p_is_kept() {
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
    fn the_lower_of_equally_likely_ids_are_kept() {
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
