//! The reference sampler: each step written directly from its definition, without optimisations.

mod filters;
mod rules;

use wolfgang_sampling::{History, SamplingError, SamplingParams};

/// A custom step whose position in the chain matters.
pub(crate) fn custom_step(logits: &mut [f32]) {
    for logit in logits {
        *logit = logit.min(7.5);
    }
}

/// The probabilities of a first step. `u` is the random number of XTC; `custom` enables
/// [`custom_step`].
pub(crate) fn probabilities(
    params: &SamplingParams,
    logits: &[f32],
    history: History<'_>,
    u: f64,
    custom: bool,
) -> Result<Vec<f32>, SamplingError> {
    let mut logits = logits.to_vec();
    check(&logits)?;
    rules::mask(params, &mut logits, history);
    rules::add_and_subtract(params, &mut logits, history);
    if custom {
        custom_step(&mut logits);
    }
    rules::scale(params, &mut logits);
    rules::penalize(params, &mut logits, history);
    if params.is_greedy() {
        check(&logits)?;
        let max = max(&logits)?;
        let most_likely = logits.iter().position(|&l| l == max);
        return Ok((0..logits.len())
            .map(|id| f32::from(Some(id) == most_likely))
            .collect());
    }
    filters::filter(params, &mut logits, u);
    check(&logits)?;
    let max = max(&logits)?;
    let weights: Vec<f32> = logits.iter().map(|l| (l - max).exp()).collect();
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    Ok(weights.iter().map(|w| w * (1.0 / total) as f32).collect())
}

fn check(logits: &[f32]) -> Result<(), SamplingError> {
    for (id, &value) in logits.iter().enumerate() {
        if value.is_nan() || value == f32::INFINITY {
            return Err(SamplingError::InvalidLogit { id, value });
        }
    }
    Ok(())
}

fn max(logits: &[f32]) -> Result<f32, SamplingError> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if max == f32::NEG_INFINITY {
        return Err(SamplingError::AllTokensMasked);
    }
    Ok(max)
}

/// Softmax of logits: the probability and surprisal (in nats) of each, and the entropy.
struct Softmax {
    probabilities: Vec<f64>,
    surprisals: Vec<f64>,
    entropy: f64,
}

impl Softmax {
    fn of(logits: &[f32]) -> Self {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |l: f32| f64::from((l - max).exp());
        let possible = || logits.iter().copied().filter(|&l| l > f32::NEG_INFINITY);
        let total: f64 = possible().map(weight).sum();
        let moment: f64 = possible().map(|l| weight(l) * f64::from(l - max)).sum();
        Self {
            probabilities: logits.iter().map(|&l| weight(l) / total).collect(),
            surprisals: logits
                .iter()
                .map(|&l| total.ln() - f64::from(l - max))
                .collect(),
            entropy: total.ln() - moment / total,
        }
    }
}

/// The id at which the running sum of the probabilities first exceeds `u`.
pub(crate) fn draw(probabilities: &[f32], u: f64) -> u32 {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    let mut sum = 0.0;
    let mut last = 0;
    for (id, &p) in (0..).zip(probabilities) {
        sum += f64::from(p);
        if p > 0.0 {
            last = id;
            if sum > u * total {
                break;
            }
        }
    }
    last
}
