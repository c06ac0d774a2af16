//! `cargo xtask bench`: prefill and decode of the standard shape.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::time::Instant;
use wolfgang_generate::{Device, ModelConfig, Wolfgang};
use wolfgang_model::{KvCache, ModelError};

const PREFILL: usize = 448;
const POSITIONS: [usize; 2] = [64, 448];
const DECODED: usize = 48;
const REPETITIONS: usize = 5;

/// Measures and prints tokens a second: median, and the range of the repetitions.
#[expect(clippy::print_stdout, reason = "a program may speak")]
pub(crate) fn run() -> anyhow::Result<()> {
    let config = ModelConfig::default();
    println!("{} random weights in f32 on flex", config.n_parameters());
    let model = random_model(&config)?;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut id = || (rng.next_u32() as usize % config.vocab_size) as u32;
    let prompt: Vec<u32> = (0..PREFILL).map(|_| id()).collect();
    let decoded: Vec<u32> = (0..DECODED).map(|_| id()).collect();

    let mut prefill = Vec::new();
    let mut decode = POSITIONS.map(|_| Vec::new());
    for repetition in 0..=REPETITIONS {
        let mut cache = model.new_cache();
        let speed = tokens_per_second(PREFILL, || run_model(&model, &prompt, &mut cache))?;
        // The first round warms up.
        if repetition > 0 {
            prefill.push(speed);
        }
        for (position, speeds) in POSITIONS.iter().zip(&mut decode) {
            cache.truncate(*position);
            let speed = tokens_per_second(DECODED, || {
                decoded
                    .iter()
                    .try_for_each(|id| run_model(&model, &[*id], &mut cache))
            })?;
            if repetition > 0 {
                speeds.push(speed);
            }
        }
    }
    report(&format!("prefill of {PREFILL}"), prefill);
    for (position, speeds) in POSITIONS.iter().zip(decode) {
        report(&format!("decode at {position}"), speeds);
    }
    Ok(())
}

/// A model of this shape whose logits are of a trained model's size.
fn random_model(config: &ModelConfig) -> Result<Wolfgang, ModelError> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut weight = || (rng.next_u32() as f32 / u32::MAX as f32 - 0.5) * 0.07;
    Wolfgang::from_weights(config, &Device::flex(), |_, weights| {
        weights.fill_with(&mut weight);
        Ok(())
    })
}

/// One call of the model, up to the logits in host memory.
fn run_model(model: &Wolfgang, ids: &[u32], cache: &mut KvCache) -> anyhow::Result<()> {
    std::hint::black_box(model.forward_cached(ids, cache)?.try_into_data()?);
    Ok(())
}

fn tokens_per_second(
    tokens: usize,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

#[expect(clippy::print_stdout, reason = "a program may speak")]
fn report(what: &str, mut speeds: Vec<f64>) {
    speeds.sort_by(f64::total_cmp);
    if let [slowest, .., fastest] = speeds[..] {
        let median = speeds[speeds.len() / 2];
        println!("{what:<15} {median:6.1} tokens/s ({slowest:.1} to {fastest:.1})");
    }
}
