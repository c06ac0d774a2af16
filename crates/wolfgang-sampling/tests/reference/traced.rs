//! Tracing does not change what is sampled, and the trace is correct.

use crate::{CustomStep, all_params, bits, logits};
use proptest::prelude::*;
use wolfgang_sampling::{Draw, History, Sampler, SamplingParams, Step, Trace};

/// Asserts that a trace is consistent with the sampled id and the probabilities.
fn assert_consistent(
    params: &SamplingParams,
    trace: &Trace,
    draw: &Draw,
    id: u32,
    probabilities: &[f32],
) {
    let steps: Vec<Step> = trace.steps.iter().map(|snapshot| snapshot.step).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    assert_eq!(steps.contains(&Step::TopK), {
        params.top_k.is_some() && !params.is_greedy()
    });
    let last = trace
        .steps
        .last()
        .map_or(&trace.initial_logits, |snapshot| &snapshot.logits);
    for (logit, p) in last.iter().zip(probabilities) {
        assert!(*p == 0.0 || *logit > f32::NEG_INFINITY);
    }
    for snapshot in &trace.steps {
        assert_eq!(snapshot.random_draw.is_some(), snapshot.step == Step::Xtc);
    }
    let p = f64::from(probabilities[id as usize]);
    match draw {
        Draw::Greedy => assert!(params.is_greedy()),
        Draw::InverseCdf { u, from, to, .. } => {
            let sum: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
            assert!((to - from - p / sum).abs() < 1e-9, "{from} {to} {p}");
            assert!(*from <= u + 1e-9 && *u <= to + 1e-9, "{from} {u} {to}");
        }
        Draw::ExponentialRace { quotients, .. } => {
            let possible = probabilities.iter().filter(|p| **p > 0.0).count();
            assert_eq!(quotients.len(), possible);
            let of = |id| quotients.iter().find(|(other, _)| *other == id);
            let is_largest = |largest: f32| quotients.iter().all(|(_, q)| *q <= largest);
            assert!(of(id).is_some_and(|(_, quotient)| is_largest(*quotient)));
        }
        other => unreachable!("no reference for {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn tracing_does_not_change_the_sampled_ids(
        params in all_params(),
        logits in logits().prop_filter("8 ids or more", |logits| logits.len() >= 8),
        prompt in prop::collection::vec(0u32..10, 0..20),
        seed in any::<u64>(),
        custom in prop::bool::ANY,
    ) {
        let sampler = || {
            let sampler = Sampler::new(&params, logits.len(), seed);
            sampler.map(|sampler| if custom { sampler.with_processor(CustomStep) } else { sampler })
        };
        let (Ok(mut untraced), Ok(mut traced)) = (sampler(), sampler()) else {
            return Ok(());
        };
        let mut generated = Vec::new();
        let mut trace = Trace::default();
        // Several steps, because mirostat and the random number generator have state.
        for _ in 0..4 {
            let history = History::new(&prompt, &generated);
            let (mut plain, mut observed) = (logits.clone(), logits.clone());
            let expected = untraced.sample(&mut plain, history);
            let found = traced.sample_traced(&mut observed, history, &mut trace);
            prop_assert_eq!(bits(Ok(&plain)), bits(Ok(&observed)));
            prop_assert_eq!(bits(Ok(&trace.initial_logits)), bits(Ok(&logits)));
            match (expected, found) {
                (Ok(expected), Ok(id)) => {
                    prop_assert_eq!(expected, id);
                    let Some(draw) = &trace.draw else {
                        return Err(TestCaseError::fail("no draw"));
                    };
                    assert_consistent(&params, &trace, draw, id, &observed);
                    generated.push(id);
                }
                (expected, found) => {
                    prop_assert_eq!(expected.map_err(|e| e.to_string()), found.map_err(|e| e.to_string()));
                    prop_assert_eq!(&trace.draw, &None);
                    break;
                }
            }
        }
    }
}
