//! Typical-p: keeps the ids that say about as much as was to be expected.

use super::LogitsProcessor;
use crate::History;
use crate::blocks;
use crate::distribution::Distribution;

/// Locally typical sampling (Meister et al. 2022): keeps the smallest set of mass `p` of the ids whose surprisal is
/// nearest to the entropy.
///
/// In order of rising distance between surprisal and entropy an id stays as long as the mass before it is below `p`; the
/// first always does. Ids of equal distance stand in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct TypicalP {
    p: f32,
    /// The ids that bear mass: the bits of the distance above those of the id, so that they sort by distance, then id.
    ranked: Vec<u64>,
}

impl TypicalP {
    /// `p` must lie between 0 and 1.
    pub(crate) fn new(p: f32, vocab_size: usize) -> Self {
        Self {
            p,
            ranked: Vec::with_capacity(vocab_size),
        }
    }
}

impl LogitsProcessor for TypicalP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let Some(distribution) = Distribution::of(logits) else {
            return;
        };
        let entropy = distribution.entropy();
        self.ranked.clear();
        blocks::above(logits, f32::NEG_INFINITY).for_each(|(id, logit)| {
            let distance = (distribution.surprisal(logit) - entropy).abs() as f32;
            // Numbers from 0 up stand in the order of their bits.
            self.ranked
                .push(u64::from(distance.to_bits()) << 32 | u64::from(id));
        });
        self.ranked.sort_unstable();

        let id_of = |ranked: u64| ranked as u32 as usize;
        let mut before = 0.0;
        let mut kept = 0;
        for &ranked in &self.ranked {
            if kept > 0 && before as f32 >= self.p {
                break;
            }
            before += distribution.probability(logits[id_of(ranked)]);
            kept += 1;
        }
        for &ranked in &self.ranked[kept..] {
            logits[id_of(ranked)] = f32::NEG_INFINITY;
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
    fn the_most_typical_ids_stay() {
        // Entropy 1.75 bits; surprises of 1, 2, 3 and 3 bits lie 0.75, 0.25, 1.25 and 1.25 away.
        let probabilities = [0.5, 0.25, 0.125, 0.125];
        assert_eq!(kept(probabilities, 0.0), [false, true, false, false]);
        assert_eq!(kept(probabilities, 0.2), [false, true, false, false]);
        assert_eq!(kept(probabilities, 0.3), [true, true, false, false]);
        assert_eq!(kept(probabilities, 0.8), [true, true, true, false]);
        assert_eq!(kept(probabilities, 0.9), [true; 4]);
    }

    #[test]
    fn of_equals_the_lower_ids_stay() {
        assert_eq!(kept([0.25; 4], 0.5), [true, true, false, false]);
        assert_eq!(kept([0.25; 4], 0.6), [true, true, true, false]);
    }
}
