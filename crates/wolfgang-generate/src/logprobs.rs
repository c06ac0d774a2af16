//! Log-probabilities of generated tokens.

use wolfgang_sampling::SamplingError;

/// Log-probabilities of a generated token and of its alternatives.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TokenLogprobs {
    /// The generated token.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub chosen: Alternative,
    /// The tokens that are most likely according to the model, most likely first; their number is
    /// [`GenerateOptions::logprobs`](crate::GenerateOptions::logprobs). They may include the
    /// generated token.
    pub alternatives: Vec<Alternative>,
}

/// A token and its log-probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Alternative {
    /// Token id.
    pub id: u32,
    /// Natural logarithm of its probability according to the model, before the sampling chain.
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub model: f32,
    /// Natural logarithm of its probability after the sampling chain, in the distribution of the
    /// draw; −∞ if the chain masked it.
    #[cfg_attr(feature = "serde", serde(with = "crate::logarithm"))]
    pub sampled: f32,
}

/// Keeps the logits of the model while the sampling chain changes them.
#[derive(Clone, Debug)]
pub(crate) struct LogprobsBuilder {
    /// Number of alternatives.
    n: usize,
    logits: Vec<f32>,
}

impl LogprobsBuilder {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            n,
            logits: Vec::new(),
        }
    }

    /// Stores the logits of a step before the chain, `[vocab_size]`.
    pub(crate) fn keep(&mut self, logits: &[f32]) {
        self.logits.clear();
        self.logits.extend_from_slice(logits);
    }

    /// Returns the log-probabilities of the step, in which `id` was sampled from `probabilities`,
    /// `[vocab_size]`.
    pub(crate) fn of(&self, id: u32, probabilities: &[f32]) -> TokenLogprobs {
        let total = log_sum_exp(&self.logits);
        let alternative = |id: u32| Alternative {
            id,
            model: logprob(self.logits[id as usize], total),
            sampled: probabilities[id as usize].ln(),
        };
        TokenLogprobs {
            chosen: alternative(id),
            alternatives: top_n(&self.logits, 0..self.logits.len() as u32, self.n)
                .into_iter()
                .map(alternative)
                .collect(),
        }
    }
}

/// Natural logarithm of the probability of a token with this logit, where `total` is ln Σ exp(x)
/// over all logits.
pub(crate) fn logprob(logit: f32, total: f64) -> f32 {
    (f64::from(logit) - total) as f32
}

/// Returns ln Σ exp(x) of the logits, after checking that they define a distribution.
///
/// # Errors
/// [`SamplingError::InvalidLogit`], [`SamplingError::AllTokensMasked`].
pub(crate) fn checked_log_sum_exp(logits: &[f32]) -> Result<f64, SamplingError> {
    let is_logit = |logit: &f32| *logit < f32::INFINITY;
    if let Some(id) = logits.iter().position(|logit| !is_logit(logit)) {
        let value = logits[id];
        return Err(SamplingError::InvalidLogit { id, value });
    }
    let total = log_sum_exp(logits);
    if total.is_nan() {
        return Err(SamplingError::AllTokensMasked);
    }
    Ok(total)
}

/// Returns ln Σ exp(x), computed without overflow; NaN if all logits are −∞.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|x| (f64::from(*x) - max).exp()).sum();
    max + sum.ln()
}

/// Returns the `n` ids with the largest logits, largest first; of equal logits the lower id is
/// first. `ids` are in ascending order.
pub(crate) fn top_n(logits: &[f32], ids: impl Iterator<Item = u32>, n: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::new();
    let larger = |a: u32, b: u32| logits[a as usize] > logits[b as usize];
    for id in ids {
        if best.len() == n && best.last().is_none_or(|last| !larger(id, *last)) {
            continue;
        }
        let place = best.partition_point(|other| !larger(id, *other));
        best.insert(place, id);
        best.truncate(n);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_stand_by_logit_and_then_by_id() {
        let logits = [1.0, 3.0, f32::NEG_INFINITY, 3.0, 2.0];
        assert_eq!(top_n(&logits, 0..5, 0), [0; 0]);
        assert_eq!(top_n(&logits, 0..5, 3), [1, 3, 4]);
        assert_eq!(top_n(&logits, 0..5, 9), [1, 3, 4, 0, 2]);
        assert_eq!(top_n(&logits, 2..4, 1), [3]);
    }

    #[test]
    fn logits_without_a_distribution_have_no_logarithms() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let total = checked_log_sum_exp(&[-inf, 1.0, 1.0 + 2f32.ln()]).unwrap();
        let third = logprob(1.0, total);
        assert!((third - (1f32 / 3.0).ln()).abs() < 1e-6, "{third}");
        assert_eq!(logprob(-inf, total), -inf);
        assert_eq!(
            checked_log_sum_exp(&[0.0, inf]),
            Err(SamplingError::InvalidLogit { id: 1, value: inf })
        );
        assert!(matches!(
            checked_log_sum_exp(&[nan, 0.0]),
            Err(SamplingError::InvalidLogit { id: 0, .. })
        ));
        assert_eq!(
            checked_log_sum_exp(&[-inf; 3]),
            Err(SamplingError::AllTokensMasked)
        );
    }

    #[test]
    fn logarithms_are_those_of_the_softmax() {
        let mut builder = LogprobsBuilder::new(2);
        builder.keep(&[1000.0, 1000.0 + 3f32.ln(), 0.0]);
        let told = builder.of(0, &[1.0, 0.0, 0.0]);
        assert_eq!(told.chosen, told.alternatives[1]);
        assert!((told.chosen.model - 0.25f32.ln()).abs() < 1e-4, "{told:?}");
        assert_eq!(told.chosen.sampled, 0.0);
        assert_eq!(told.alternatives[0].id, 1);
        assert_eq!(told.alternatives[0].sampled, f32::NEG_INFINITY);
    }
}
