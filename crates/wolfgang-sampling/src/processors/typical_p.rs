//! Typical-p: keeps the ids whose surprisal is near the entropy.

use super::LogitsProcessor;
use crate::History;
use crate::distribution::Distribution;
use crate::scan;

/// Locally typical sampling (Meister et al. 2022): keeps the ids whose surprisal is closest to the
/// entropy, up to cumulative probability `p`.
///
/// In ascending order of the distance between surprisal and entropy, an id is kept if the
/// cumulative probability of the ids before it is below `p`; the first always is. Ids of equal
/// distance are in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct TypicalP {
    p: f32,
    /// For each id that is not masked, the bits of its distance in the upper half and the id in the
    /// lower, which sort by distance, then id.
    sorted: Vec<u64>,
}

impl TypicalP {
    /// `p` must be between 0 and 1.
    pub(crate) fn new(p: f32, vocab_size: usize) -> Self {
        Self {
            p,
            sorted: Vec::with_capacity(vocab_size),
        }
    }
}

impl LogitsProcessor for TypicalP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let Some(distribution) = Distribution::of(logits) else {
            return;
        };
        let entropy = distribution.entropy();
        self.sorted.clear();
        scan::above(logits, f32::NEG_INFINITY).for_each(|(id, logit)| {
            let distance = (distribution.surprisal(logit) - entropy).abs() as f32;
            // Non-negative floats have the order of their bits.
            self.sorted
                .push(u64::from(distance.to_bits()) << 32 | u64::from(id));
        });
        self.sorted.sort_unstable();

        let id_of = |key: u64| key as u32 as usize;
        let mut before = 0.0;
        let mut kept = 0;
        for &key in &self.sorted {
            if kept > 0 && before as f32 >= self.p {
                break;
            }
            before += distribution.probability(logits[id_of(key)]);
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
    use crate::history::EMPTY;

    fn kept<const N: usize>(probabilities: [f32; N], p: f32) -> [bool; N] {
        let mut logits = probabilities.map(f32::ln);
        TypicalP::new(p, N).process(&mut logits, EMPTY);
        logits.map(|l| l > f32::NEG_INFINITY)
    }

    #[test]
    fn the_ids_closest_to_the_entropy_are_kept() {
        // The entropy is 1.75 bits; surprisals of 1, 2, 3 and 3 bits differ from it by 0.75, 0.25,
        // 1.25 and 1.25.
        let probabilities = [0.5, 0.25, 0.125, 0.125];
        assert_eq!(kept(probabilities, 0.0), [false, true, false, false]);
        assert_eq!(kept(probabilities, 0.2), [false, true, false, false]);
        assert_eq!(kept(probabilities, 0.3), [true, true, false, false]);
        assert_eq!(kept(probabilities, 0.8), [true, true, true, false]);
        assert_eq!(kept(probabilities, 0.9), [true; 4]);
    }

    #[test]
    fn the_lower_of_equally_typical_ids_are_kept() {
        assert_eq!(kept([0.25; 4], 0.5), [true, true, false, false]);
        assert_eq!(kept([0.25; 4], 0.6), [true, true, true, false]);
    }
}
