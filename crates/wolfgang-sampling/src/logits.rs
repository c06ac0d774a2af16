//! What is a logit, and what probabilities follow from logits.

use crate::SamplingError;

/// Checks that every logit is a number below infinity or −∞.
///
/// # Errors
/// [`SamplingError::InvalidLogit`] for the first that is none.
pub(crate) fn check_logits(logits: &[f32]) -> Result<(), SamplingError> {
    let is_logit = |l: f32| l <= f32::MAX;
    // Without a way out in the middle the test runs over several logits at once.
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

/// Turns the logits, of which `max` is the largest, into probabilities.
pub(crate) fn softmax(possible: &mut [(u32, f32)], max: f32) {
    let mut total = 0.0;
    for (_, logit) in &mut *possible {
        *logit = (*logit - max).exp();
        total += f64::from(*logit);
    }
    // At least 1, from the likeliest id.
    let scale = (1.0 / total) as f32;
    for (_, weight) in possible {
        *weight *= scale;
    }
}
