//! Properties of the distribution of logits, computed without its probabilities.

use crate::scan;

/// Maximum, normaliser and entropy of the softmax of logits, computed in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distribution {
    max: f32,
    /// The sum of e^(logit − max): from 1 to the number of ids.
    total: f64,
    log_total: f64,
    entropy: f64,
    /// Number of ids that are not masked.
    possible: usize,
}

impl Distribution {
    /// Returns `None` if all ids are masked.
    pub(crate) fn of(logits: &[f32]) -> Option<Self> {
        let max = scan::max(logits);
        let (mut total, mut moment, mut possible) = (0.0, 0.0, 0);
        scan::above(logits, f32::NEG_INFINITY).for_each(|(_, logit)| {
            let weight = f64::from((logit - max).exp());
            total += weight;
            moment += weight * f64::from(logit - max);
            possible += 1;
        });
        let log_total = f64::ln(total);
        (possible > 0).then_some(Self {
            max,
            total,
            log_total,
            entropy: log_total - moment / total,
            possible,
        })
    }

    /// The largest logit.
    pub(crate) fn max(&self) -> f32 {
        self.max
    }

    /// Number of ids that are not masked.
    pub(crate) fn possible(&self) -> usize {
        self.possible
    }

    pub(crate) fn probability(&self, logit: f32) -> f64 {
        f64::from((logit - self.max).exp()) / self.total
    }

    /// The logit of an id with this probability.
    pub(crate) fn logit(&self, probability: f64) -> f64 {
        f64::from(self.max) + self.log_total + probability.ln()
    }

    /// Surprisal, −ln p, in nats.
    pub(crate) fn surprisal(&self, logit: f32) -> f64 {
        self.log_total - f64::from(logit - self.max)
    }

    /// Entropy, the expected surprisal, in nats: from 0 to the logarithm of the number of ids.
    pub(crate) fn entropy(&self) -> f64 {
        self.entropy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probability_surprisal_and_entropy_follow_their_closed_forms() {
        let probabilities = [0.5f32, 0.25, 0.125, 0.125];
        let logits = probabilities.map(|p| p.ln() + 3.0);
        let distribution = Distribution::of(&logits).unwrap();
        let ln2 = std::f64::consts::LN_2;
        for ((logit, p), bits) in logits.into_iter().zip(probabilities).zip([1.0, 2.0, 3.0]) {
            assert!((distribution.probability(logit) - f64::from(p)).abs() < 1e-6);
            assert!((distribution.surprisal(logit) - bits * ln2).abs() < 1e-6);
            assert!((distribution.logit(f64::from(p)) - f64::from(logit)).abs() < 1e-6);
        }
        assert!((distribution.entropy() - 1.75 * ln2).abs() < 1e-6);
        assert_eq!(distribution.possible(), 4);
    }

    #[test]
    fn masked_ids_do_not_count() {
        let out = f32::NEG_INFINITY;
        let distribution = Distribution::of(&[out, 2.0, out, 2.0]).unwrap();
        assert_eq!(distribution.possible(), 2);
        assert_eq!(distribution.entropy(), std::f64::consts::LN_2);
        assert_eq!(distribution.probability(out), 0.0);
        assert!(Distribution::of(&[out, out]).is_none());
        assert!(Distribution::of(&[]).is_none());
    }
}
