//! Properties of all filters, for arbitrary logits.

use proptest::prelude::*;
use wolfgang_sampling::{
    History, MirostatParams, Sampler, SamplingError, SamplingParams, XtcParams,
};

fn unfiltered() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0)
}

/// Any single filter that keeps the most likely ids.
fn head_filter() -> impl Strategy<Value = SamplingParams> {
    prop_oneof![
        (0f32..4.0).prop_map(|n| unfiltered().with_top_n_sigma(n)),
        (1usize..80).prop_map(|k| unfiltered().with_top_k(k)),
        (0f32..=1.0).prop_map(|p| unfiltered().with_top_p(p)),
        (0f32..=1.0).prop_map(|p| unfiltered().with_min_p(p)),
        (0.01f32..8.0)
            .prop_map(|tau| unfiltered()
                .with_mirostat(MirostatParams::default().with_tau(tau).with_eta(0.1))),
    ]
}

/// Any single filter.
fn filter() -> impl Strategy<Value = SamplingParams> {
    prop_oneof![
        5 => head_filter(),
        1 => (0f32..=1.0).prop_map(|p| unfiltered().with_typical_p(p)),
        1 => (0f32..=0.5).prop_map(|threshold| {
            let xtc = XtcParams::default().with_probability(1.0);
            unfiltered().with_xtc(xtc.with_threshold(threshold))
        }),
    ]
}

/// Logits with many ties, some of them masked.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    let logit = prop_oneof![
        4 => (-24i8..24).prop_map(|l| f32::from(l) / 4.0),
        1 => -30f32..30.0,
        1 => Just(f32::NEG_INFINITY),
    ];
    prop::collection::vec(logit, 1..100).prop_filter("one is possible", |logits| {
        logits.iter().any(|&l| l > f32::NEG_INFINITY)
    })
}

fn probabilities(params: &SamplingParams, logits: &[f32]) -> Result<Vec<f32>, SamplingError> {
    let mut probabilities = logits.to_vec();
    let history = History::new(&[], &[]);
    Sampler::new(params, logits.len(), 0)?.probabilities(&mut probabilities, history)?;
    Ok(probabilities)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_filter_keeps_at_least_one_id_and_unmasks_none(params in filter(), logits in logits()) {
        let found = probabilities(&params, &logits).unwrap();
        prop_assert!(found.iter().any(|&p| p > 0.0));
        for (p, logit) in found.iter().zip(&logits) {
            prop_assert!(*p == 0.0 || *logit > f32::NEG_INFINITY);
        }
        let sum: f64 = found.iter().map(|&p| f64::from(p)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
    }

    #[test]
    fn the_probabilities_of_kept_ids_stay_in_proportion(params in filter(), logits in logits()) {
        let before = probabilities(&unfiltered(), &logits).unwrap();
        let found = probabilities(&params, &logits).unwrap();
        let kept = || found.iter().zip(&before).filter(|(p, _)| **p > 0.0);
        let mass: f32 = kept().map(|(_, before)| before).sum();
        for (p, before) in kept() {
            prop_assert!((p - before / mass).abs() < 1e-4 * p + 1e-9);
        }
    }

    #[test]
    fn a_head_filter_keeps_all_ids_that_are_more_likely_than_a_kept_one(params in head_filter(), logits in logits()) {
        let found = probabilities(&params, &logits).unwrap();
        for (kept, &logit) in logits.iter().enumerate().filter(|(id, _)| found[*id] > 0.0) {
            for (id, &other) in logits.iter().enumerate() {
                let first = other > logit || other == logit && id < kept;
                prop_assert!(!first || found[id] > 0.0, "{} but not {}", kept, id);
            }
        }
    }

    #[test]
    fn without_ties_the_order_of_ids_does_not_matter(
        params in filter(),
        logits in prop::collection::hash_set(-500i16..500, 1..60),
        seed in any::<u64>(),
    ) {
        // Multiples of 1/16, so that the rounding of sums in another order changes no filter.
        let logits: Vec<f32> = logits.into_iter().map(|l| f32::from(l) / 16.0).collect();
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by_key(|&id| (id as u64 + 1).wrapping_mul(seed | 1));
        let moved: Vec<f32> = order.iter().map(|&id| logits[id]).collect();
        let found = probabilities(&params, &logits).unwrap();
        let found_moved = probabilities(&params, &moved).unwrap();
        for (&id, p) in order.iter().zip(found_moved) {
            prop_assert!((found[id] - p).abs() < 1e-6);
        }
    }
}
