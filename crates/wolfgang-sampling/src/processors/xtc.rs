//! XTC: now and then passes the likeliest ids over.

use crate::XtcParams;
use crate::blocks;
use crate::distribution::Distribution;

/// The filter that [`XtcParams`] describes. Chance is an argument, so that the sampler decides where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Xtc {
    probability: f64,
    threshold: f32,
}

impl Xtc {
    /// `params` must be valid.
    pub(crate) fn new(params: &XtcParams) -> Self {
        Self {
            probability: f64::from(params.probability),
            threshold: params.threshold,
        }
    }

    /// Rules out the top choices but the least likely if `u`, in [0, 1), lies below the probability.
    pub(crate) fn process(&self, logits: &mut [f32], u: f64) {
        if u >= self.probability {
            return;
        }
        let Some(distribution) = Distribution::of(logits) else {
            return;
        };
        // A little below the threshold, so that rounding passes no top choice over.
        let logit = distribution.logit(f64::from(self.threshold));
        let nearly = logit - 1e-3 - 1e-6 * f64::from(distribution.max().abs());
        let is_top = |logit: f32| distribution.probability(logit) as f32 >= self.threshold;
        let mut least: Option<(u32, f32)> = None;
        for (id, logit) in blocks::above(logits, nearly as f32) {
            if is_top(logit) && least.is_none_or(|(_, lowest)| logit < lowest) {
                least = Some((id, logit));
            }
        }
        // What is no less likely is a top choice too.
        if let Some((least, lowest)) = least {
            for (id, logit) in (0..).zip(logits) {
                if *logit >= lowest && id != least {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(threshold: f32, u: f64) -> [bool; 5] {
        let mut logits = [0.05f32, 0.4, 0.2, 0.2, 0.15].map(f32::ln);
        let params = XtcParams {
            probability: 0.5,
            threshold,
        };
        Xtc::new(&params).process(&mut logits, u);
        logits.map(|l| l > f32::NEG_INFINITY)
    }

    #[test]
    fn of_the_top_choices_the_least_likely_stays() {
        assert_eq!(kept(0.0, 0.0), [true, false, false, false, false]);
        assert_eq!(kept(0.1, 0.0), [true, false, false, false, true]);
        assert_eq!(kept(0.3, 0.0), [true; 5], "one top choice stays");
        assert_eq!(kept(0.45, 0.0), [true; 5], "no top choice");
    }

    #[test]
    fn of_equals_the_lowest_stays() {
        assert_eq!(kept(0.18, 0.0), [true, false, true, false, true]);
    }

    #[test]
    fn chance_decides() {
        assert_eq!(kept(0.1, 0.499), [true, false, false, false, true]);
        assert_eq!(kept(0.1, 0.5), [true; 5]);
    }
}
