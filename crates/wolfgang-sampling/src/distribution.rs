//! The distribution that logits stand for, without writing it down.

use crate::blocks;

/// What softmax needs to know of logits, gathered in one pass over those above −∞.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distribution {
    max: f32,
    /// The sum of e^(logit − max): from 1 to the number of ids.
    total: f64,
    log_total: f64,
    entropy: f64,
    possible: usize,
}

impl Distribution {
    /// `None` where no id is possible.
    pub(crate) fn of(logits: &[f32]) -> Option<Self> {
        let max = blocks::max(logits);
        let (mut total, mut moment, mut possible) = (0.0, 0.0, 0);
        blocks::above(logits, f32::NEG_INFINITY).for_each(|(_, logit)| {
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

    /// How many ids are possible.
    pub(crate) fn possible(&self) -> usize {
        self.possible
    }

    pub(crate) fn probability(&self, logit: f32) -> f64 {
        f64::from((logit - self.max).exp()) / self.total
    }

    /// The logit of an id that is this probable.
    pub(crate) fn logit(&self, probability: f64) -> f64 {
        f64::from(self.max) + self.log_total + probability.ln()
    }

    /// −ln p, in nats: how much less is said by what was expected anyway.
    pub(crate) fn surprisal(&self, logit: f32) -> f64 {
        self.log_total - f64::from(logit - self.max)
    }

    /// The surprisal to be expected, in nats: from 0 to the logarithm of the number of ids.
    pub(crate) fn entropy(&self) -> f64 {
        self.entropy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_closed_form() {
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
    fn what_is_ruled_out_does_not_count() {
        let out = f32::NEG_INFINITY;
        let distribution = Distribution::of(&[out, 2.0, out, 2.0]).unwrap();
        assert_eq!(distribution.possible(), 2);
        assert_eq!(distribution.entropy(), std::f64::consts::LN_2);
        assert_eq!(distribution.probability(out), 0.0);
        assert!(Distribution::of(&[out, out]).is_none());
        assert!(Distribution::of(&[]).is_none());
    }
}
