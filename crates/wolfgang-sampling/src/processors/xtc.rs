//! XTC ("exclude top choices"): at random, masks the most likely ids except one.

use crate::XtcParams;
use crate::distribution::Distribution;
use crate::scan;

/// The filter that [`XtcParams`] describes. The random number is an argument of
/// [`process`](Self::process), so the step itself is a pure function.
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

    /// Masks the top choices except the least likely of them if `u`, in `0.0..1.0`, is below the
    /// probability.
    pub(crate) fn process(&self, logits: &mut [f32], u: f64) {
        if u >= self.probability {
            return;
        }
        let Some(distribution) = Distribution::of(logits) else {
            return;
        };
        // Slightly below the threshold, so that rounding does not exclude a top choice.
        let logit = distribution.logit(f64::from(self.threshold));
        let floor = logit - 1e-3 - 1e-6 * f64::from(distribution.max().abs());
        let is_top = |logit: f32| distribution.probability(logit) as f32 >= self.threshold;
        let mut least: Option<(u32, f32)> = None;
        for (id, logit) in scan::above(logits, floor as f32) {
            if is_top(logit) && least.is_none_or(|(_, lowest)| logit < lowest) {
                least = Some((id, logit));
            }
        }
        // All ids that are at least as likely are top choices too.
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
    fn the_least_likely_top_choice_is_kept() {
        assert_eq!(kept(0.0, 0.0), [true, false, false, false, false]);
        assert_eq!(kept(0.1, 0.0), [true, false, false, false, true]);
        assert_eq!(kept(0.3, 0.0), [true; 5], "a single top choice is kept");
        assert_eq!(kept(0.45, 0.0), [true; 5], "no top choice");
    }

    #[test]
    fn the_lowest_of_equally_likely_top_choices_is_kept() {
        assert_eq!(kept(0.18, 0.0), [true, false, true, false, true]);
    }

    #[test]
    fn it_masks_if_u_is_below_the_probability() {
        assert_eq!(kept(0.1, 0.499), [true, false, false, false, true]);
        assert_eq!(kept(0.1, 0.5), [true; 5]);
    }
}
