//! Invalid input is a typed error: no panic, no hang, no silent default.

use proptest::prelude::*;
use wolfgang_sampling::{
    DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams, RngKind,
    Sampler, SamplingError, SamplingParams, XtcParams,
};

const NOTHING: History<'_> = History::new(&[], &[]);

/// Enables all steps that accept any logits.
fn everything() -> SamplingParams {
    SamplingParams::default()
        .with_logit_bias([(0, 1e6), (1, -1e6)])
        .with_frequency_penalty(1e6)
        .with_presence_penalty(-1e6)
        .with_dry(DryParams::default().with_multiplier(1e6).with_base(1e6))
        .with_dynamic_temperature(DynamicTemperatureParams::new(0.6))
        .with_top_n_sigma(1.0)
        .with_typical_p(0.9)
        .with_min_p(0.1)
        .with_xtc(
            XtcParams::default()
                .with_probability(1.0)
                .with_threshold(0.0),
        )
        .with_mirostat(MirostatParams::default())
}

#[test]
fn logits_without_a_distribution_are_errors_with_all_steps() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for rng in [RngKind::ChaCha, RngKind::Torch] {
        let params = everything().with_rng(rng);
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
        assert!(
            sample([-inf, 0.0, f32::MIN]).is_ok(),
            "the sampler stays usable"
        );
    }
}

#[test]
fn steps_that_mask_all_ids_are_an_error() {
    let params = SamplingParams::default().with_no_repeat_ngram_size(1);
    let mut sampler = Sampler::new(&params, 3, 0).unwrap();
    let history = History::new(&[2, 0], &[1]);
    assert_eq!(
        sampler.sample(&mut [0.0; 3], history),
        Err(SamplingError::AllTokensMasked)
    );
    let params = SamplingParams::default().with_allowed_tokens(vec![1]);
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
fn invalid_logits_of_a_custom_step_are_an_error() {
    for top_k in [None, Some(2)] {
        let params = everything().with_top_k(top_k);
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
fn vocabularies_that_are_too_large_or_empty_are_errors() {
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
fn errors_name_parameter_value_and_rule() {
    let message = |params: SamplingParams| Sampler::new(&params, 4, 0).unwrap_err().to_string();
    assert_eq!(
        message(SamplingParams::default().with_banned_tokens([1, 9])),
        "banned_tokens contains token id 9, but the vocabulary has 4 tokens"
    );
    assert_eq!(
        message(
            SamplingParams::default()
                .with_banned_tokens([1])
                .with_allowed_tokens(vec![1])
        ),
        "allowed_tokens and banned_tokens conflict: every allowed token is banned"
    );
    assert_eq!(
        message(SamplingParams::default().with_min_p(1.5)),
        "min_p is 1.5, but it must be between 0 and 1"
    );
}

/// Any number, with extra weight on boundary values and valid ranges.
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
            SamplingParams::default()
                .with_allowed_tokens(allowed_tokens)
                .with_banned_tokens(banned_tokens)
                .with_min_new_tokens(min_new_tokens)
                .with_end_tokens(end_tokens)
                .with_no_repeat_ngram_size(no_repeat_ngram_size)
                .with_logit_bias([(3, bias)])
                .with_frequency_penalty(frequency_penalty)
                .with_dry(dry.map(|(multiplier, base)| {
                    DryParams::default()
                        .with_multiplier(multiplier)
                        .with_base(1.0 + base)
                        .with_allowed_length(lengths.0)
                        .with_window(lengths.1)
                        .with_sequence_breakers(sequence_breakers)
                }))
                .with_temperature(temperature)
                .with_dynamic_temperature(dynamic.map(|(range, exponent)| {
                    DynamicTemperatureParams::new(range).with_exponent(exponent)
                }))
                .with_repetition_penalty(repetition_penalty)
                .with_repetition_window(repetition_window)
                .with_top_n_sigma(top_n_sigma)
                .with_top_k(top_k)
                .with_typical_p(typical_p)
                .with_top_p(top_p)
                .with_min_p(min_p)
                .with_xtc(xtc.map(|(probability, threshold)| {
                    XtcParams::default()
                        .with_probability(probability)
                        .with_threshold(threshold)
                }))
                .with_mirostat(
                    mirostat
                        .map(|(tau, eta)| MirostatParams::default().with_tau(tau).with_eta(eta)),
                )
                .with_rng(if torch {
                    RngKind::Torch
                } else {
                    RngKind::ChaCha
                })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_input_gives_an_error_or_a_possible_id(
        params in any_params(),
        logits in prop::collection::vec(number(), 9),
        prompt in prop::collection::vec(prop_oneof![0u32..9, any::<u32>()], 0..12),
        generated in prop::collection::vec(0u32..9, 0..12),
        seed in any::<u64>(),
    ) {
        let history = History::new(&prompt, &generated);
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
