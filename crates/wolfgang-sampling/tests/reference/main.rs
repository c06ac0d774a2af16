//! Every chain equals the reference sampler in `plain` bit for bit. This includes the documented
//! order of the steps.

mod draws;
mod plain;
mod traced;

use proptest::prelude::*;
use wolfgang_sampling::{
    ChaChaRng, DryParams, DynamicTemperatureParams, History, LogitsProcessor, MirostatParams,
    PenaltyScope, RngKind, Sampler, SamplingError, SamplingParams, TorchRng, XtcParams, draw,
};

struct CustomStep;

impl LogitsProcessor for CustomStep {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        plain::custom_step(logits);
    }
}

/// The bits of a result, because NaN does not equal itself.
fn bits(result: Result<&[f32], &SamplingError>) -> Result<Vec<u32>, String> {
    match result {
        Ok(values) => Ok(values.iter().map(|v| v.to_bits()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

/// Asserts that a sampler and the reference give the same probabilities and id in one step.
fn assert_equal(
    params: &SamplingParams,
    logits: &[f32],
    history: History<'_>,
    seed: u64,
    custom: bool,
) -> Result<(), SamplingError> {
    let mut sampler = Sampler::new(params, logits.len(), seed)?;
    if custom {
        sampler = sampler.with_processor(CustomStep);
    }
    let mut chacha = ChaChaRng::new(seed);
    let mut torch = TorchRng::new(seed);
    let mut uniform = || match params.rng {
        RngKind::ChaCha => chacha.uniform(),
        RngKind::Torch => torch.uniform(),
        other => unreachable!("no reference for {other:?}"),
    };
    let xtc_runs = params.xtc.is_some() && !params.is_greedy();
    let u = if xtc_runs { uniform() } else { 0.0 };

    let expected = plain::probabilities(params, logits, history, u, custom);
    let mut found = logits.to_vec();
    let id = sampler.sample(&mut found, history);
    assert_eq!(
        bits(id.as_ref().map(|_| &found[..])),
        bits(expected.as_deref()),
        "{params:?}"
    );
    if let (Ok(id), Ok(expected)) = (id, expected) {
        match params.rng {
            _ if params.is_greedy() => assert_eq!(id, plain::draw(&expected, 0.0)),
            RngKind::ChaCha => {
                let u = chacha.uniform();
                assert_eq!(id, plain::draw(&expected, u), "{params:?}");
                assert_eq!(id, draw(&found, u), "{params:?}");
            }
            RngKind::Torch => assert_eq!(id, torch.multinomial(&expected), "{params:?}"),
            other => unreachable!("no reference for {other:?}"),
        }
    }
    Ok(())
}

/// Arbitrary numbers, numbers that tie, and boundary values.
fn logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -30f32..30.0,
        8 => (-6i8..6).prop_map(f32::from),
        2 => prop::sample::select(vec![0.0, -0.0, 1e-40, -1e-40, f32::NEG_INFINITY, f32::MIN]),
    ]
}

/// Logits, sometimes with one that is invalid or becomes invalid when it is divided.
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

/// Parameters of the four steps of the original.
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
                SamplingParams::default()
                    .with_temperature(temperature)
                    .with_top_k(top_k)
                    .with_top_p(top_p)
                    .with_repetition_penalty(repetition_penalty)
                    .with_repetition_window(repetition_window)
                    .with_penalty_scope(if context {
                        PenaltyScope::Context
                    } else {
                        PenaltyScope::Generated
                    })
            },
        )
}

fn dry() -> impl Strategy<Value = DryParams> {
    let breakers = prop::collection::vec(0u32..8, 0..2);
    (0.1f32..3.0, 1f32..3.0, 1usize..4, 1usize..40, breakers).prop_map(
        |(multiplier, base, allowed_length, window, sequence_breakers)| {
            DryParams::default()
                .with_multiplier(multiplier)
                .with_base(base)
                .with_allowed_length(allowed_length)
                .with_window(window)
                .with_sequence_breakers(sequence_breakers)
        },
    )
}

/// Parameters of all steps, for a vocabulary of at least 8 ids.
fn all_params() -> impl Strategy<Value = SamplingParams> {
    let ids = |most| prop::collection::vec(0u32..8, 0..most);
    let rules = (
        prop::option::weighted(0.2, prop::collection::vec(0u32..8, 5..20)),
        ids(3),
        0usize..12,
        ids(3),
        prop::option::weighted(0.3, 1usize..4),
        prop::collection::btree_map(0u32..8, -4f32..4.0, 0..4),
        prop_oneof![Just(0.0), -1f32..1.0],
        prop_oneof![Just(0.0), -1f32..1.0],
        prop::option::of(dry()),
        prop::option::weighted(0.3, (0.01f32..1.0, 0.3f32..3.0)),
    );
    let filters = (
        prop::option::weighted(0.3, 0.1f32..4.0),
        prop::option::weighted(0.3, 0f32..=1.0),
        prop::option::weighted(0.3, 0.001f32..1.0),
        prop::option::weighted(0.3, (0.1f32..=1.0, 0f32..=0.5)),
        prop::option::weighted(0.3, (0.1f32..6.0, 0.01f32..=1.0)),
        prop::bool::ANY,
    );
    (params(), rules, filters).prop_map(|(params, rules, filters)| {
        let (allowed_tokens, banned_tokens, min, end_tokens, ngram, bias, freq, pres, dry, dynamic) =
            rules;
        let (top_n_sigma, typical_p, min_p, xtc, mirostat, torch) = filters;
        let min = if end_tokens.is_empty() { 0 } else { min };
        let temperature = params.temperature;
        let dynamic = dynamic.filter(|_| temperature > 0.0);
        let dynamic = dynamic.map(|(share, exponent)| {
            DynamicTemperatureParams::new(share * temperature).with_exponent(exponent)
        });
        let xtc = xtc.map(|(probability, threshold)| {
            let xtc = XtcParams::default().with_probability(probability);
            xtc.with_threshold(threshold)
        });
        let mirostat =
            mirostat.map(|(tau, eta)| MirostatParams::default().with_tau(tau).with_eta(eta));
        let rng = if torch {
            RngKind::Torch
        } else {
            RngKind::ChaCha
        };
        params
            .with_allowed_tokens(allowed_tokens)
            .with_banned_tokens(banned_tokens)
            .with_min_new_tokens(min)
            .with_end_tokens(end_tokens)
            .with_no_repeat_ngram_size(ngram)
            .with_logit_bias(bias)
            .with_frequency_penalty(freq)
            .with_presence_penalty(pres)
            .with_dry(dry)
            .with_dynamic_temperature(dynamic)
            .with_top_n_sigma(top_n_sigma)
            .with_typical_p(typical_p)
            .with_min_p(min_p)
            .with_xtc(xtc)
            .with_mirostat(mirostat)
            .with_rng(rng)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn chains_of_the_originals_steps_equal_the_reference(
        params in params(),
        logits in logits(),
        prompt in prop::collection::vec(0u32..450, 0..20),
        generated in prop::collection::vec(0u32..450, 0..20),
        seed in any::<u64>(),
    ) {
        let history = History::new(&prompt, &generated);
        assert_equal(&params, &logits, history, seed, false).unwrap();
    }

    #[test]
    fn chains_of_all_steps_equal_the_reference(
        params in all_params(),
        logits in logits().prop_filter("8 ids or more", |logits| logits.len() >= 8),
        prompt in prop::collection::vec(0u32..10, 0..20),
        generated in prop::collection::vec(0u32..10, 0..20),
        seed in any::<u64>(),
        custom in prop::bool::ANY,
    ) {
        let history = History::new(&prompt, &generated);
        match assert_equal(&params, &logits, history, seed, custom) {
            // Conflicts are only possible with allowed_tokens: at most four ids are banned or end
            // tokens.
            Err(SamplingError::ConflictingParams { .. }) => prop_assert!(params.allowed_tokens.is_some()),
            other => prop_assert_eq!(other, Ok(())),
        }
    }

    #[test]
    fn the_draw_equals_the_reference(
        probabilities in prop::collection::vec(prop_oneof![Just(0.0), 0f32..=1.0, 0f32..1e-40], 1..300),
        u in 0f64..1.0,
    ) {
        prop_assert_eq!(draw(&probabilities, u), plain::draw(&probabilities, u));
    }
}

/// The vocabulary size of the original; distributions from flat to peaked, with and without ties.
#[test]
fn chains_over_a_large_vocabulary_equal_the_reference() {
    let ids: Vec<u32> = (0..48).map(|i| i * 31 % 61).collect();
    let history = History::new(&ids, &[]);
    let chains = [
        SamplingParams::default(),
        SamplingParams::default().with_top_k(None),
        SamplingParams::default().with_top_k(1000).with_top_p(None),
        SamplingParams::default()
            .with_top_n_sigma(1.5)
            .with_top_k(None)
            .with_typical_p(0.8)
            .with_min_p(0.01)
            .with_mirostat(MirostatParams::default())
            .with_rng(RngKind::Torch),
    ];
    for (seed, spread) in (0..).zip([0.0, 0.5, 2.0, 8.0, 30.0]) {
        let mut rng = ChaChaRng::new(seed);
        let fine: Vec<f32> = (0..32_768)
            .map(|_| spread * rng.uniform().ln() as f32)
            .collect();
        let coarse: Vec<f32> = fine.iter().map(|l| l.round()).collect();
        for params in &chains {
            assert_equal(params, &fine, history, seed, false).unwrap();
            assert_equal(params, &coarse, history, seed, false).unwrap();
        }
    }
}
