//! Mirostat 2 over long texts.

use wolfgang_sampling::{History, MirostatParams, RngKind, Sampler, SamplingError, SamplingParams};

const VOCAB: usize = 512;
const STEPS: u32 = 8_000;

/// Logits that follow Zipf's law, with an exponent that changes from step to step.
fn logits(step: u32) -> Vec<f32> {
    let exponent = 1.0 + (step % 5) as f32 / 8.0;
    (1..=VOCAB)
        .map(|rank| -exponent * (rank as f32).ln())
        .collect()
}

fn params(tau: f32, eta: f32, rng: RngKind) -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0)
        .with_mirostat(MirostatParams::default().with_tau(tau).with_eta(eta))
        .with_rng(rng)
}

/// The surprisals of the sampled ids, in bits.
fn surprisals(params: &SamplingParams) -> Result<Vec<f64>, SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB, 11)?;
    let mut surprisals = Vec::new();
    for step in 0..STEPS {
        let mut probabilities = logits(step);
        let history = History::new(&[], &[]);
        let id = sampler.sample(&mut probabilities, history)?;
        surprisals.push(-f64::from(probabilities[id as usize]).log2());
    }
    Ok(surprisals)
}

/// `mu` changes by the difference between surprisal and target. It stays bounded, so the mean of
/// the differences must approach 0.
#[test]
fn the_mean_surprisal_is_the_target() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        for (tau, eta) in [(1.0, 0.1), (2.5, 0.1), (2.5, 0.9), (4.0, 0.05)] {
            let surprisals = surprisals(&params(tau, eta, rng)).unwrap();
            let mean = surprisals.iter().sum::<f64>() / f64::from(STEPS);
            assert!(
                (mean - f64::from(tau)).abs() < 0.03,
                "{mean} for {tau}, {eta}"
            );
        }
    }
}

/// With 512 ids the entropy is at most 9 bits, so a target of 20 masks nothing.
#[test]
fn a_target_above_every_surprisal_changes_nothing() {
    let with = params(20.0, 0.1, RngKind::ChaCha);
    let without = with.clone().with_mirostat(None);
    assert_eq!(surprisals(&with).unwrap(), surprisals(&without).unwrap());
}
