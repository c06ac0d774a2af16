//! What one sampling step costs: `cargo bench -p wolfgang-sampling`.
//!
//! Prints the median and the 10th and 90th percentile in microseconds, over 32,768 logits that lie in the cache, as
//! they do when the model has just computed them.

use std::hint::black_box;
use std::time::Instant;
use wolfgang_sampling::{ChaChaRng, History, Sampler, SamplingParams};

const VOCAB: usize = 32_768;
const STEPS: usize = 2_000;
/// Different logits in turn, so that no branch predictor learns a step by heart.
const VARIANTS: u64 = 16;

#[expect(clippy::print_stdout, reason = "a program may speak")]
fn main() -> Result<(), wolfgang_sampling::SamplingError> {
    println!("µs a step: median (10th to 90th percentile), {STEPS} steps, vocabulary {VOCAB}");
    for (logits_name, make) in LOGITS {
        let variants: Vec<Vec<f32>> = (0..VARIANTS)
            .map(|seed| make(&mut ChaChaRng::new(seed)))
            .collect();
        for (chain_name, params) in chains() {
            let [p10, median, p90] = measure(&params, &variants)?;
            println!("{logits_name:10} {chain_name:12} {median:8.1} ({p10:.1} to {p90:.1})");
        }
    }
    Ok(())
}

type MakeLogits = fn(&mut ChaChaRng) -> Vec<f32>;

const LOGITS: [(&str, MakeLogits); 4] = [
    ("peaked", peaked),
    ("flat", flat),
    ("equal", |_| vec![1.0; VOCAB]),
    ("ascending", |_| {
        (0..VOCAB).map(|id| id as f32 / 1000.0).collect()
    }),
];

/// A bulk of unlikely ids and a few dozen likely ones, like a language model that knows what comes next.
fn peaked(rng: &mut ChaChaRng) -> Vec<f32> {
    let mut logits: Vec<f32> = (0..VOCAB).map(|_| 2.0 * normal(rng) - 4.0).collect();
    for _ in 0..50 {
        let id = (rng.uniform() * VOCAB as f64) as usize;
        logits[id] = 4.0 + 12.0 * rng.uniform() as f32;
    }
    logits
}

fn flat(rng: &mut ChaChaRng) -> Vec<f32> {
    (0..VOCAB).map(|_| normal(rng)).collect()
}

/// Near enough to the standard normal distribution: the sum of twelve uniform numbers.
fn normal(rng: &mut ChaChaRng) -> f32 {
    ((0..12).map(|_| rng.uniform()).sum::<f64>() - 6.0) as f32
}

fn chains() -> [(&'static str, SamplingParams); 4] {
    let plain = SamplingParams {
        top_k: None,
        top_p: None,
        repetition_penalty: 1.0,
        ..SamplingParams::default()
    };
    [
        ("default", SamplingParams::default()),
        (
            "greedy",
            SamplingParams {
                temperature: 0.0,
                ..SamplingParams::default()
            },
        ),
        (
            "top-p",
            SamplingParams {
                top_p: Some(0.9),
                ..plain.clone()
            },
        ),
        ("temperature", plain),
    ]
}

/// The 10th, 50th and 90th percentile of a step's time, in microseconds.
fn measure(
    params: &SamplingParams,
    variants: &[Vec<f32>],
) -> Result<[f64; 3], wolfgang_sampling::SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB, 42)?;
    let prompt: Vec<u32> = (0..48).map(|i| i * 31 % 61).collect();
    let history = History {
        prompt: &prompt,
        generated: &[],
    };
    let mut logits = vec![0.0; VOCAB];
    let mut micros = Vec::with_capacity(STEPS);
    for variant in variants.iter().cycle().take(STEPS) {
        logits.copy_from_slice(variant);
        let start = Instant::now();
        let id = sampler.sample(black_box(&mut logits), history)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        black_box(id);
    }
    micros.sort_unstable_by(f64::total_cmp);
    Ok([1, 5, 9].map(|tenth| micros[STEPS * tenth / 10]))
}
