//! Mirostat 2 over a whole text.

use wolfgang_sampling::{History, MirostatParams, RngKind, Sampler, SamplingError, SamplingParams};

const VOCAB: usize = 512;
const STEPS: u32 = 8_000;

/// Zipf's law, one text after another with another exponent.
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

/// The surprises of the chosen ids, in bits.
fn surprises(params: &SamplingParams) -> Result<Vec<f64>, SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB, 11)?;
    let mut surprises = Vec::new();
    for step in 0..STEPS {
        let mut probabilities = logits(step);
        let history = History::new(&[], &[]);
        let id = sampler.sample(&mut probabilities, history)?;
        surprises.push(-f64::from(probabilities[id as usize]).log2());
    }
    Ok(surprises)
}

/// What `mu` gains or loses is what the surprises miss the target by; it stays bounded, so their mean has to meet it.
#[test]
fn the_mean_surprise_meets_the_target() {
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        for (tau, eta) in [(1.0, 0.1), (2.5, 0.1), (2.5, 0.9), (4.0, 0.05)] {
            let surprises = surprises(&params(tau, eta, rng)).unwrap();
            let mean = surprises.iter().sum::<f64>() / f64::from(STEPS);
            assert!(
                (mean - f64::from(tau)).abs() < 0.03,
                "{mean} for {tau}, {eta}"
            );
        }
    }
}

/// Of 512 ids the surprise is 9 bits at most: nothing is ruled out, and the text is what it would be without.
#[test]
fn a_target_out_of_reach_changes_nothing() {
    let with = params(20.0, 0.1, RngKind::ChaCha);
    let without = with.clone().with_mirostat(None);
    assert_eq!(surprises(&with).unwrap(), surprises(&without).unwrap());
}
