//! Time of one sampling step: `cargo bench -p wolfgang-sampling`.
//!
//! Prints the median and the 10th and 90th percentile in microseconds, for 32,768 logits that are
//! in the CPU cache, as after a forward pass.

use std::hint::black_box;
use std::time::Instant;
use wolfgang_sampling::{
    ChaChaRng, DryParams, DynamicTemperatureParams, History, MirostatParams, RngKind, Sampler,
    SamplingParams, XtcParams,
};

const VOCAB: usize = 32_768;
const STEPS: usize = 2_000;
/// Number of sets of logits, which alternate so that branch prediction cannot learn them.
const VARIANTS: u64 = 16;

#[expect(clippy::print_stdout, reason = "a benchmark prints its results")]
fn main() -> Result<(), wolfgang_sampling::SamplingError> {
    println!("µs per step: median (10th to 90th percentile), {STEPS} steps, vocabulary {VOCAB}");
    println!("after a prompt of 48 ids and 2,000 generated ids");
    for (logits_name, make) in LOGITS {
        for (chain_name, params) in chains() {
            let [p10, median, p90] = measure(&params, &variants(make))?;
            println!("{logits_name:10} {chain_name:20} {median:8.1} ({p10:.1} to {p90:.1})");
        }
    }
    println!("with one more step, peaked logits: added to softmax alone, and to the default chain");
    let variants = variants(peaked);
    for (name, set) in STEPS_ALONE {
        let mut medians = [0.0; 2];
        for (mut params, median) in [plain(), SamplingParams::default()]
            .into_iter()
            .zip(&mut medians)
        {
            set(&mut params);
            [_, *median, _] = measure(&params, &variants)?;
        }
        println!("{name:20} {:8.1} {:8.1}", medians[0], medians[1]);
    }
    Ok(())
}

fn variants(make: MakeLogits) -> Vec<Vec<f32>> {
    let variant = |seed| make(&mut ChaChaRng::new(seed));
    (0..VARIANTS).map(variant).collect()
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

/// Many unlikely ids and a few dozen likely ones, as a language model gives.
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

/// Approximation of the standard normal distribution: the sum of twelve uniform numbers.
fn normal(rng: &mut ChaChaRng) -> f32 {
    ((0..12).map(|_| rng.uniform()).sum::<f64>() - 6.0) as f32
}

/// Only softmax and the draw.
fn plain() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0)
}

fn chains() -> Vec<(&'static str, SamplingParams)> {
    let greedy = SamplingParams::default().with_temperature(0.0);
    let torch = SamplingParams::default().with_rng(RngKind::Torch);
    vec![
        ("default", SamplingParams::default()),
        ("default, torch", torch),
        ("greedy", greedy),
        ("plain", plain()),
        ("everything", everything(SamplingParams::default())),
    ]
}

type SetStep = fn(&mut SamplingParams);

/// Each step alone, after a baseline.
const STEPS_ALONE: &[(&str, SetStep)] = &[
    ("none", |_| {}),
    ("allowed tokens", |p| {
        p.allowed_tokens = Some((0..VOCAB as u32 / 2).map(|id| id * 2).collect());
    }),
    ("banned tokens", |p| p.banned_tokens = (0..100).collect()),
    ("min new tokens", |p| {
        (p.min_new_tokens, p.end_tokens) = (1_000_000, vec![0]);
    }),
    ("no-repeat n-gram", |p| p.no_repeat_ngram_size = Some(3)),
    ("logit bias", |p| {
        p.logit_bias = (0..100).map(|id| (id, 1.0)).collect();
    }),
    ("frequency, presence", |p| {
        (p.frequency_penalty, p.presence_penalty) = (0.1, 0.1);
    }),
    ("DRY", |p| p.dry = Some(DryParams::default())),
    ("temperature", |p| p.temperature = 0.6),
    ("dynamic temperature", |p| {
        p.dynamic_temperature = Some(DynamicTemperatureParams::new(0.3));
    }),
    ("repetition penalty", |p| p.repetition_penalty = 1.2),
    ("top-nσ", |p| p.top_n_sigma = Some(1.5)),
    ("top-k", |p| p.top_k = Some(40)),
    ("typical-p", |p| p.typical_p = Some(0.9)),
    ("top-p", |p| p.top_p = Some(0.9)),
    ("min-p", |p| p.min_p = Some(0.05)),
    ("XTC", |p| {
        p.xtc = Some(
            XtcParams::default()
                .with_probability(1.0)
                .with_threshold(0.05),
        );
    }),
    ("mirostat", |p| p.mirostat = Some(MirostatParams::default())),
];

/// All steps.
fn everything(mut params: SamplingParams) -> SamplingParams {
    for (name, set) in STEPS_ALONE {
        // Without the list of half the vocabulary; the four steps of the original are on by
        // default.
        if !["allowed tokens", "temperature", "top-k", "top-p"].contains(name) {
            set(&mut params);
        }
    }
    params
}

/// The 10th, 50th and 90th percentile of a step's time, in microseconds.
fn measure(
    params: &SamplingParams,
    variants: &[Vec<f32>],
) -> Result<[f64; 3], wolfgang_sampling::SamplingError> {
    let mut sampler = Sampler::new(params, VOCAB, 42)?;
    let prompt: Vec<u32> = (0..48).map(|i| i * 31 % 61).collect();
    // With repetitions of single ids and short sequences, as in a text.
    let generated: Vec<u32> = (0..2_000).map(|i| i * i % 1_009 + 100).collect();
    let history = History::new(&prompt, &generated);
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
