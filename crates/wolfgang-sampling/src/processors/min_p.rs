//! Min-p: keeps the ids whose probability is at least a share of the largest.

use super::LogitsProcessor;
use crate::History;
use crate::scan;

/// Keeps the ids with at least `p` times the probability of the most likely id (Nguyen et al. 2024,
/// "Turning up the heat").
///
/// A ratio of probabilities is a difference of logits: an id is kept if its logit is at least
/// max + ln p. No softmax is needed.
#[derive(Clone, Debug)]
pub(crate) struct MinP {
    /// ln p, at most 0.
    ln_p: f32,
}

impl MinP {
    /// `p` must be above 0 and at most 1.
    pub(crate) fn new(p: f32) -> Self {
        Self { ln_p: p.ln() }
    }
}

impl LogitsProcessor for MinP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let floor = scan::max(logits) + self.ln_p;
        scan::mask_below(logits, floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn ids_below_a_share_of_the_largest_probability_are_masked() {
        let probabilities = [0.5f32, 0.02, 0.28, 0.2];
        for (p, expected) in [
            (1.0, [true, false, false, false]),
            (0.5, [true, false, true, false]),
            (0.3, [true, false, true, true]),
            (0.03, [true; 4]),
        ] {
            let mut logits = probabilities.map(|p| p.ln() - 7.0);
            MinP::new(p).process(&mut logits, EMPTY);
            assert_eq!(logits.map(|l| l > f32::NEG_INFINITY), expected, "{p}");
        }
    }

    #[test]
    fn ids_equal_to_the_most_likely_are_kept() {
        let mut logits = [1.0, 2.0, 2.0];
        MinP::new(1.0).process(&mut logits, EMPTY);
        assert_eq!(logits, [f32::NEG_INFINITY, 2.0, 2.0]);
    }
}
