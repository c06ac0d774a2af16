//! Every chain equals its plain reading, step by step over the whole vocabulary, bit for bit.

use proptest::prelude::*;
use wolfgang_sampling::{
    ChaChaRng, History, PenaltyScope, Sampler, SamplingError, SamplingParams, draw,
};

/// The chain as it is defined: no blocks, no lists, everything sorted.
fn reference(
    params: &SamplingParams,
    logits: &[f32],
    history: History<'_>,
) -> Result<Vec<f32>, SamplingError> {
    let greedy = params.is_greedy();
    let mut logits = logits.to_vec();
    check(&logits)?;
    if !greedy {
        logits.iter_mut().for_each(|l| *l /= params.temperature);
    }
    penalize(params, &mut logits, history);
    if let (Some(k), false) = (params.top_k, greedy) {
        top_k(k, &mut logits);
    }
    if let (Some(p), false) = (params.top_p, greedy) {
        top_p(p, &mut logits);
    }
    check(&logits)?;
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if max == f32::NEG_INFINITY {
        return Err(SamplingError::NothingLeft);
    }
    if greedy {
        let likeliest = logits.iter().position(|&l| l == max);
        return Ok((0..logits.len())
            .map(|id| f32::from(Some(id) == likeliest))
            .collect());
    }
    let weights: Vec<f32> = logits.iter().map(|l| (l - max).exp()).collect();
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    Ok(weights.iter().map(|w| w * (1.0 / total) as f32).collect())
}

fn check(logits: &[f32]) -> Result<(), SamplingError> {
    for (id, &value) in logits.iter().enumerate() {
        if value.is_nan() || value == f32::INFINITY {
            return Err(SamplingError::NotALogit { id, value });
        }
    }
    Ok(())
}

fn penalize(params: &SamplingParams, logits: &mut [f32], history: History<'_>) {
    let (older, newer) = history.last(params.repetition_window, params.penalize);
    let mut recent = [older, newer].concat();
    recent.sort_unstable();
    recent.dedup();
    for id in recent {
        if let Some(logit) = logits.get_mut(id as usize) {
            if *logit < 0.0 {
                *logit *= params.repetition_penalty;
            } else {
                *logit /= params.repetition_penalty;
            }
        }
    }
}

fn top_k(k: usize, logits: &mut [f32]) {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    if let Some(&kth) = sorted.get(k - 1) {
        for logit in logits.iter_mut().filter(|l| **l < kth) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

fn top_p(p: f32, logits: &mut [f32]) {
    if p >= 1.0 {
        return;
    }
    let mut ranked: Vec<usize> = (0..logits.len()).collect();
    ranked.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let max = logits[ranked[0]];
    let weights: Vec<f64> = ranked
        .iter()
        .map(|&id| f64::from((logits[id] - max).exp()))
        .collect();
    let total: f64 = weights.iter().sum();
    let mut before = 0.0;
    for (id, weight) in ranked.into_iter().zip(weights) {
        if before as f32 > p {
            logits[id] = f32::NEG_INFINITY;
        }
        before += weight / total;
    }
}

fn reference_draw(probabilities: &[f32], u: f64) -> u32 {
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

/// Bits of what a sampler says, for a NaN equals nothing.
fn bits(result: Result<&[f32], &SamplingError>) -> Result<Vec<u32>, String> {
    match result {
        Ok(values) => Ok(values.iter().map(|v| v.to_bits()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// Takes one step with a sampler and with the reference.
fn assert_equal(
    params: &SamplingParams,
    logits: &[f32],
    history: History<'_>,
    seed: u64,
) -> Result<(), SamplingError> {
    let expected = reference(params, logits, history);
    let mut sampler = Sampler::new(params, logits.len(), seed)?;
    let mut found = logits.to_vec();
    let id = sampler.sample(&mut found, history);
    assert_eq!(
        bits(id.as_ref().map(|_| &found[..])),
        bits(expected.as_deref()),
        "{params:?}"
    );
    if let (Ok(id), Ok(expected)) = (id, expected) {
        let u = ChaChaRng::new(seed).uniform();
        let u = if params.is_greedy() { 0.0 } else { u };
        assert_eq!(id, reference_draw(&expected, u), "{params:?}");
        assert_eq!(id, draw(&found, u), "{params:?}");
    }
    Ok(())
}

/// Plain numbers, numbers that tie, and the ends of the range.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -30f32..30.0,
        8 => (-6i8..6).prop_map(f32::from),
        2 => prop::sample::select(vec![0.0, -0.0, 1e-40, -1e-40, f32::NEG_INFINITY, f32::MIN]),
    ]
}

/// Now and then one that is no logit, or becomes none when it is divided.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    let stray = prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::MAX]);
    let strays = prop_oneof![
        9 => Just(Vec::new()),
        1 => prop::collection::vec((any::<prop::sample::Index>(), stray), 1..3),
    ];
    let plain = prop_oneof![
        prop::collection::vec(logit(), 1..400),
        prop::collection::vec(Just(f32::NEG_INFINITY), 1..100),
    ];
    (plain, strays).prop_map(|(mut logits, strays)| {
        for (at, stray) in strays {
            let at = at.index(logits.len());
            logits[at] = stray;
        }
        logits
    })
}

fn params() -> impl Strategy<Value = SamplingParams> {
    (
        prop_oneof![Just(0.0), Just(1.0), Just(0.6), 0.05f32..4.0],
        prop::option::of(prop_oneof![1usize..12, 1usize..450]),
        prop::option::of(prop_oneof![Just(0.5f32), Just(0.9), 0f32..=1.0]),
        prop_oneof![Just(1.0), Just(1.2), 0.5f32..3.0],
        0usize..30,
        prop::bool::ANY,
    )
        .prop_map(
            |(temperature, top_k, top_p, repetition_penalty, repetition_window, context)| {
                SamplingParams {
                    temperature,
                    top_k,
                    top_p,
                    repetition_penalty,
                    repetition_window,
                    penalize: if context {
                        PenaltyScope::Context
                    } else {
                        PenaltyScope::Generated
                    },
                    ..SamplingParams::default()
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_chain_equals_its_plain_reading(
        params in params(),
        logits in logits(),
        prompt in prop::collection::vec(0u32..450, 0..20),
        generated in prop::collection::vec(0u32..450, 0..20),
        seed in any::<u64>(),
    ) {
        assert_equal(&params, &logits, History { prompt: &prompt, generated: &generated }, seed).unwrap();
    }

    #[test]
    fn the_draw_equals_its_plain_reading(
        probabilities in prop::collection::vec(prop_oneof![Just(0.0), 0f32..=1.0, 0f32..1e-40], 1..300),
        u in 0f64..1.0,
    ) {
        prop_assert_eq!(draw(&probabilities, u), reference_draw(&probabilities, u));
    }
}

/// The original's vocabulary, from peaked to flat and with ties.
#[test]
fn a_whole_vocabulary_equals_its_plain_reading() {
    let ids: Vec<u32> = (0..48).map(|i| i * 31 % 61).collect();
    let history = History {
        prompt: &ids,
        generated: &[],
    };
    let chains = [
        SamplingParams::default(),
        SamplingParams {
            top_k: None,
            ..SamplingParams::default()
        },
        SamplingParams {
            top_k: Some(1000),
            top_p: None,
            ..SamplingParams::default()
        },
    ];
    for (seed, spread) in (0..).zip([0.0, 0.5, 2.0, 8.0, 30.0]) {
        let mut rng = ChaChaRng::new(seed);
        let fine: Vec<f32> = (0..32_768)
            .map(|_| spread * rng.uniform().ln() as f32)
            .collect();
        let coarse: Vec<f32> = fine.iter().map(|l| l.round()).collect();
        for params in &chains {
            assert_equal(params, &fine, history, seed).unwrap();
            assert_equal(params, &coarse, history, seed).unwrap();
        }
    }
}
