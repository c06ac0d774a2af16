//! Validation of logits, and softmax.

use crate::SamplingError;

/// Checks that every logit is finite or −∞.
///
/// # Errors
/// [`SamplingError::InvalidLogit`] for the first that is not.
pub(crate) fn check_logits(logits: &[f32]) -> Result<(), SamplingError> {
    let is_logit = |l: f32| l <= f32::MAX;
    // Without an early exit the loop is vectorised.
    if logits.iter().fold(true, |all, &l| all & is_logit(l)) {
        return Ok(());
    }
    match logits.iter().position(|&l| !is_logit(l)) {
        Some(id) => Err(SamplingError::InvalidLogit {
            id,
            value: logits[id],
        }),
        None => Ok(()),
    }
}

/// Replaces the logits, whose maximum is `max`, by their probabilities.
pub(crate) fn softmax(possible: &mut [(u32, f32)], max: f32) {
    let mut total = 0.0;
    for (_, logit) in &mut *possible {
        *logit = (*logit - max).exp();
        total += f64::from(*logit);
    }
    // The total is at least 1, the weight of the most likely id.
    let scale = (1.0 / total) as f32;
    for (_, weight) in possible {
        *weight *= scale;
    }
}
