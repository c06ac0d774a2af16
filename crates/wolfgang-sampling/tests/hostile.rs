//! Bad input ends in a typed error: no panic, no hang, no silent default.

use proptest::prelude::*;
use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams, RngKind,
    Sampler, SamplingError, SamplingParams, XtcParams,
};

const NOTHING: History<'_> = History {
    prompt: &[],
    generated: &[],
};

/// Every step that works on any logits.
fn everything() -> SamplingParams {
    SamplingParams {
        logit_bias: vec![(0, 1e6), (1, -1e6)],
        frequency_penalty: 1e6,
        presence_penalty: -1e6,
        dry: Some(DryParams {
            multiplier: 1e6,
            base: 1e6,
            ..DryParams::default()
        }),
        dynamic_temperature: Some(DynamicTemperatureParams {
            range: 0.6,
            exponent: 1.0,
        }),
        top_n_sigma: Some(1.0),
        typical_p: Some(0.9),
        min_p: Some(0.1),
        xtc: Some(XtcParams {
            probability: 1.0,
            threshold: 0.0,
        }),
        mirostat: Some(MirostatParams::default()),
        ..SamplingParams::default()
    }
}

#[test]
fn logits_without_a_distribution_are_errors_with_every_step_on() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let params = SamplingParams {
            rng,
            ..everything()
        };
        let mut sampler = Sampler::new(&params, 3, 0).unwrap();
        let mut sample = |mut logits: [f32; 3]| sampler.sample(&mut logits, NOTHING);
        assert_eq!(sample([-inf; 3]), Err(SamplingError::AllTokensMasked));
        assert!(matches!(
            sample([0.0, nan, inf]),
            Err(SamplingError::InvalidLogit { id: 1, .. })
        ));
        let value = inf;
        assert_eq!(
            sample([0.0, 0.0, inf]),
            Err(SamplingError::InvalidLogit { id: 2, value })
        );
        assert!(sample([-inf, 0.0, f32::MIN]).is_ok(), "and it goes on");
    }
}

#[test]
fn rules_that_leave_nothing_are_an_error() {
    let params = SamplingParams {
        no_repeat_ngram_size: Some(1),
        ..SamplingParams::default()
    };
    let mut sampler = Sampler::new(&params, 3, 0).unwrap();
    let history = History {
        prompt: &[2, 0],
        generated: &[1],
    };
    assert_eq!(
        sampler.sample(&mut [0.0; 3], history),
        Err(SamplingError::AllTokensMasked)
    );
    let params = SamplingParams {
        allowed_tokens: Some(vec![1]),
        ..SamplingParams::default()
    };
    let mut sampler = Sampler::new(&params, 2, 0).unwrap();
    let mut logits = [0.0, f32::NEG_INFINITY];
    assert_eq!(
        sampler.sample(&mut logits, NOTHING),
        Err(SamplingError::AllTokensMasked)
    );
}

/// Sets every logit to one value.
struct Set(f32);

impl LogitsProcessor for Set {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        logits.fill(self.0);
    }
}

#[test]
fn what_a_processor_of_the_users_breaks_is_an_error() {
    for top_k in [None, Some(2)] {
        let params = SamplingParams {
            top_k,
            ..everything()
        };
        let sample = |value| {
            let sampler = Sampler::new(&params, 100, 0).unwrap();
            sampler
                .with_processor(Set(value))
                .with_processor(Set(value))
                .sample(&mut [0.0; 100], NOTHING)
        };
        assert!(matches!(
            sample(f32::NAN),
            Err(SamplingError::InvalidLogit { id: 0, .. })
        ));
        let value = f32::INFINITY;
        assert_eq!(
            sample(value),
            Err(SamplingError::InvalidLogit { id: 0, value })
        );
        assert_eq!(sample(-value), Err(SamplingError::AllTokensMasked));
        assert!(sample(1.0).is_ok());
    }
}

#[test]
fn vocabularies_of_impossible_size_are_errors() {
    let params = everything();
    assert!(matches!(
        Sampler::new(&params, usize::MAX, 0),
        Err(SamplingError::InvalidParam {
            parameter: "vocab_size",
            ..
        })
    ));
    let params = SamplingParams::default();
    let mut sampler = Sampler::new(&params, 0, 0).unwrap();
    assert_eq!(
        sampler.sample(&mut [], NOTHING),
        Err(SamplingError::AllTokensMasked)
    );
}

#[test]
fn errors_name_what_is_wrong() {
    let message = |params: SamplingParams| Sampler::new(&params, 4, 0).unwrap_err().to_string();
    assert_eq!(
        message(SamplingParams {
            banned_tokens: vec![1, 9],
            ..SamplingParams::default()
        }),
        "banned_tokens contains token id 9, but the vocabulary has 4 tokens"
    );
    assert_eq!(
        message(SamplingParams {
            banned_tokens: vec![1],
            allowed_tokens: Some(vec![1]),
            ..SamplingParams::default()
        }),
        "allowed_tokens and banned_tokens conflict: every allowed token is banned"
    );
    assert_eq!(
        message(SamplingParams {
            min_p: Some(1.5),
            ..SamplingParams::default()
        }),
        "min_p is 1.5, but it must be between 0 and 1"
    );
}

/// Any number there is, and those at which something happens.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        1 => any::<f32>(),
        1 => prop::sample::select(vec![
            0.0, -0.0, 1.0, 0.5, 0.1, 1e-6, 1e6, -1e6, 1e-40, f32::MIN, f32::MAX, f32::NAN, f32::INFINITY,
        ]),
        14 => 0f32..1.0,
    ]
}

fn on(number: impl Strategy<Value = f32>) -> impl Strategy<Value = Option<f32>> {
    prop::option::weighted(0.3, number)
}

fn any_params() -> impl Strategy<Value = SamplingParams> {
    let ids = || prop::collection::vec(prop_oneof![29 => 0u32..9, 1 => any::<u32>()], 0..3);
    let lists = (
        prop::option::weighted(0.1, ids()),
        ids(),
        ids(),
        ids(),
        any::<bool>(),
    );
    let counts = (
        0usize..3,
        prop::option::weighted(0.2, prop_oneof![9 => 1usize..5, 1 => any::<usize>()]),
        prop::option::weighted(0.3, prop_oneof![9 => 1usize..9, 1 => any::<usize>()]),
        prop_oneof![0usize..9, Just(usize::MAX)],
        (0usize..4, prop_oneof![9 => 1usize..9, 1 => any::<usize>()]),
    );
    let numbers = (number(), number(), number(), number());
    let filters = (on(number()), on(number()), on(number()), on(number()));
    let pair = || prop::option::weighted(0.3, (number(), number()));
    (
        lists,
        counts,
        numbers,
        filters,
        (pair(), pair(), pair(), pair()),
    )
        .prop_map(|(lists, counts, numbers, filters, pairs)| {
            let (allowed_tokens, banned_tokens, end_tokens, sequence_breakers, torch) = lists;
            let (min_new_tokens, no_repeat_ngram_size, top_k, repetition_window, lengths) = counts;
            let (temperature, repetition_penalty, frequency_penalty, bias) = numbers;
            let (top_n_sigma, typical_p, top_p, min_p) = filters;
            let (dynamic, dry, xtc, mirostat) = pairs;
            SamplingParams {
                allowed_tokens,
                banned_tokens,
                min_new_tokens,
                end_tokens,
                no_repeat_ngram_size,
                logit_bias: vec![(3, bias)],
                frequency_penalty,
                dry: dry.map(|(multiplier, base)| DryParams {
                    multiplier,
                    base: 1.0 + base,
                    allowed_length: lengths.0,
                    window: lengths.1,
                    sequence_breakers,
                }),
                temperature,
                dynamic_temperature: dynamic
                    .map(|(range, exponent)| DynamicTemperatureParams { range, exponent }),
                repetition_penalty,
                repetition_window,
                top_n_sigma,
                top_k,
                typical_p,
                top_p,
                min_p,
                xtc: xtc.map(|(probability, threshold)| XtcParams {
                    probability,
                    threshold,
                }),
                mirostat: mirostat.map(|(tau, eta)| MirostatParams { tau, eta }),
                rng: if torch {
                    RngKind::Torch
                } else {
                    RngKind::ChaCha
                },
                ..SamplingParams::default()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever is handed over: an error, or an id with a chance.
    #[test]
    fn any_input_gives_an_error_or_a_possible_id(
        params in any_params(),
        logits in prop::collection::vec(number(), 9),
        prompt in prop::collection::vec(prop_oneof![0u32..9, any::<u32>()], 0..12),
        generated in prop::collection::vec(0u32..9, 0..12),
        seed in any::<u64>(),
    ) {
        let history = History { prompt: &prompt, generated: &generated };
        if let Ok(mut sampler) = Sampler::new(&params, 9, seed) {
            for _ in 0..3 {
                let mut probabilities = logits.clone();
                if let Ok(id) = sampler.sample(&mut probabilities, history) {
                    prop_assert!(probabilities[id as usize] > 0.0);
                    prop_assert!(!params.banned_tokens.contains(&id));
                    prop_assert!(params.allowed_tokens.as_ref().is_none_or(|allowed| allowed.contains(&id)));
                }
            }
        }
    }
}
