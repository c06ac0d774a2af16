//! Min-p: keeps the ids that can compare with the likeliest.

use super::LogitsProcessor;
use crate::History;
use crate::blocks;

/// Keeps the ids that are at least `p` times as likely as the likeliest (Nguyen et al. 2024, "Turning up the heat").
///
/// A ratio of probabilities is a difference of logits: an id stays if its logit is at least max + ln p. So no softmax
/// is needed.
#[derive(Clone, Debug)]
pub(crate) struct MinP {
    /// ln p, at most 0.
    below: f32,
}

impl MinP {
    /// `p` must lie above 0 and not above 1.
    pub(crate) fn new(p: f32) -> Self {
        Self { below: p.ln() }
    }
}

impl LogitsProcessor for MinP {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let floor = blocks::max(logits) + self.below;
        blocks::mask_below(logits, floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn the_likeliest_sets_the_bar() {
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
    fn equals_of_the_likeliest_stay() {
        let mut logits = [1.0, 2.0, 2.0];
        MinP::new(1.0).process(&mut logits, EMPTY);
        assert_eq!(logits, [f32::NEG_INFINITY, 2.0, 2.0]);
    }
}
