//! Mirostat 2: keeps the surprisal of the text near a target.

use crate::MirostatParams;
use crate::distribution::Distribution;
use std::f64::consts::LN_2;

/// The controller that [`MirostatParams`] describes. It has state, so it belongs to one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Mirostat {
    tau: f64,
    eta: f64,
    /// The largest surprisal that is not masked, in bits.
    mu: f64,
}

impl Mirostat {
    /// `params` must be valid.
    pub(crate) fn new(params: &MirostatParams) -> Self {
        let tau = f64::from(params.tau);
        Self {
            tau,
            eta: f64::from(params.eta),
            mu: 2.0 * tau,
        }
    }

    /// Masks the ids with a surprisal above `mu`, except the most likely id (the lowest of
    /// several).
    pub(crate) fn process(&self, logits: &mut [f32]) {
        let Some(distribution) = Distribution::of(logits) else {
            return;
        };
        let max = distribution.max();
        let is_too_surprising = |logit: f32| distribution.surprisal(logit) > self.mu * LN_2;
        if is_too_surprising(max) {
            let likeliest = logits.iter().position(|&logit| logit == max);
            for (id, logit) in logits.iter_mut().enumerate() {
                if Some(id) != likeliest {
                    *logit = f32::NEG_INFINITY;
                }
            }
            return;
        }
        for logit in logits {
            // An unconditional store, because a conditional one would be compiled to a branch.
            *logit = if is_too_surprising(*logit) {
                f32::NEG_INFINITY
            } else {
                *logit
            };
        }
    }

    /// Updates `mu` with the probability of the sampled id among the ids that were kept.
    pub(crate) fn observe(&mut self, probability: f32) {
        let surprisal = -f64::from(probability).log2();
        self.mu -= self.eta * (surprisal - self.tau);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirostat(tau: f32) -> Mirostat {
        Mirostat::new(&MirostatParams { tau, eta: 0.5 })
    }

    /// Surprisals of 1, 2, 3 and 3 bits.
    fn kept(mirostat: &Mirostat) -> [bool; 4] {
        let mut logits = [0.5f32, 0.25, 0.125, 0.125].map(f32::ln);
        mirostat.process(&mut logits);
        logits.map(|l| l > f32::NEG_INFINITY)
    }

    #[test]
    fn ids_with_a_surprisal_above_mu_are_masked() {
        for (tau, expected) in [
            (0.4, [true, false, false, false]),
            (0.75, [true, false, false, false]),
            (1.25, [true, true, false, false]),
            (1.75, [true; 4]),
        ] {
            assert_eq!(kept(&mirostat(tau)), expected, "mu = {}", 2.0 * tau);
        }
    }

    #[test]
    fn the_lowest_of_equally_likely_ids_is_kept() {
        let mut logits = [f32::NEG_INFINITY, 1.0, 1.0, 1.0];
        mirostat(0.5).process(&mut logits);
        let out = f32::NEG_INFINITY;
        assert_eq!(logits, [out, 1.0, out, out]);
    }

    #[test]
    fn mu_follows_the_surprisal_of_the_sampled_id() {
        let mut mirostat = mirostat(1.25);
        mirostat.observe(0.25);
        assert_eq!(mirostat.mu, 2.5 - 0.5 * 0.75);
        mirostat.observe(1.0);
        assert_eq!(mirostat.mu, 2.5 - 0.5 * 0.75 + 0.5 * 1.25);
    }
}
