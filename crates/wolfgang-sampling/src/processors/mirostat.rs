//! Mirostat 2: holds the surprisal of a text near a target.

use crate::MirostatParams;
use crate::distribution::Distribution;
use std::f64::consts::LN_2;

/// The controller that [`MirostatParams`] describes. It remembers, so it belongs to one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Mirostat {
    tau: f64,
    eta: f64,
    /// The largest surprisal that is let through, in bits.
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

    /// Rules out what is too surprising, but for the likeliest id, of several the lowest.
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
            // Stored either way: a store that depends on a test would be a branch.
            *logit = if is_too_surprising(*logit) {
                f32::NEG_INFINITY
            } else {
                *logit
            };
        }
    }

    /// Learns from the chosen id, which had this probability among those that were left.
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

    /// Surprises of 1, 2, 3 and 3 bits.
    fn kept(mirostat: &Mirostat) -> [bool; 4] {
        let mut logits = [0.5f32, 0.25, 0.125, 0.125].map(f32::ln);
        mirostat.process(&mut logits);
        logits.map(|l| l > f32::NEG_INFINITY)
    }

    #[test]
    fn what_is_too_surprising_goes() {
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
    fn of_equally_surprising_ids_one_stays() {
        let mut logits = [f32::NEG_INFINITY, 1.0, 1.0, 1.0];
        mirostat(0.5).process(&mut logits);
        let out = f32::NEG_INFINITY;
        assert_eq!(logits, [out, 1.0, out, out]);
    }

    #[test]
    fn it_learns_from_what_was_chosen() {
        let mut mirostat = mirostat(1.25);
        mirostat.observe(0.25);
        assert_eq!(mirostat.mu, 2.5 - 0.5 * 0.75);
        mirostat.observe(1.0);
        assert_eq!(mirostat.mu, 2.5 - 0.5 * 0.75 + 0.5 * 1.25);
    }
}
