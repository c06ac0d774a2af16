use super::*;
use wolfgang_sampling::{History, RngKind, Sampler, SamplingError, SamplingParams};

/// Probabilities of the model, in the order of ids.
const MODEL: [f32; 5] = [0.05, 0.4, 0.1, 0.25, 0.2];

fn explain(params: &SamplingParams, n: usize) -> Result<Explanation, SamplingError> {
    let mut logits = MODEL.map(f32::ln);
    let mut explainer = Explainer::new(n);
    let history = History::new(&[1], &[]);
    let mut sampler = Sampler::new(params, MODEL.len(), 7)?;
    let id = sampler.sample_traced(&mut logits, history, &mut explainer.trace)?;
    Ok(explainer.of(id, &logits))
}

fn params() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(1.0)
        .with_repetition_penalty(2.0)
        .with_top_k(3)
        .with_top_p(None)
}

fn is_close(logprob: f32, p: f32) -> bool {
    (logprob.exp() - p).abs() < 1e-5
}

#[test]
fn every_step_tells_what_it_did() {
    // The penalty reduces the 0.4 of id 1 to 0.4 · 0.4 = 0.16, and the total to 0.76.
    let told = explain(&params(), 2).unwrap();
    let [penalty, top_k] = &told.steps[..] else {
        panic!("{told:?}");
    };
    assert_eq!(penalty.step, Step::RepetitionPenalty);
    assert_eq!((penalty.possible_before, penalty.possible_after), (5, 5));
    assert_eq!((penalty.masked, penalty.changed), (0, 1));
    let change = penalty.top_changed[0];
    assert_eq!(change.id, 1);
    assert!(is_close(change.logprob_before, 0.4) && is_close(change.logprob_after, 0.16 / 0.76));
    assert_eq!(top_k.step, Step::TopK);
    assert_eq!((top_k.possible_before, top_k.possible_after), (5, 3));
    assert_eq!((top_k.masked, top_k.changed), (2, 0));
    assert!((top_k.masked_mass - 0.15 / 0.76).abs() < 1e-5);
    let ids = |changes: &[Change]| changes.iter().map(|c| c.id).collect::<Vec<_>>();
    assert_eq!(ids(&top_k.top_masked), [2, 0]);
    assert_eq!(top_k.top_masked[0].logprob_after, f32::NEG_INFINITY);
}

#[test]
fn candidates_stand_by_the_model_and_tell_their_fate() {
    let told = explain(&params(), 5).unwrap();
    let by = |f: fn(&Candidate) -> usize| told.candidates.iter().map(f).collect::<Vec<_>>();
    assert_eq!(by(|c| c.id as usize), [1, 3, 4, 2, 0]);
    assert_eq!(by(|c| c.rank), [1, 2, 3, 4, 5]);
    for candidate in &told.candidates {
        assert!(is_close(candidate.model, MODEL[candidate.id as usize]));
        let out = [0, 2].contains(&candidate.id);
        assert_eq!(candidate.masked_by, out.then_some(Step::TopK));
        assert_eq!(candidate.sampled == f32::NEG_INFINITY, out);
    }
    assert!(told.candidates.contains(&told.chosen));
}

#[test]
fn the_draw_lies_in_the_share_of_the_chosen() {
    for n in [0, 1, 3] {
        let told = explain(&params(), n).unwrap();
        let DrawReport::InverseCdf { u, intervals } = &told.draw else {
            panic!("{told:?}");
        };
        assert!(intervals.is_sorted_by(|a, b| a.id < b.id && a.to <= b.from));
        let chosen = intervals.iter().find(|share| share.id == told.chosen.id);
        let chosen = chosen.unwrap();
        assert!((chosen.from..=chosen.to).contains(u), "{u} {chosen:?}");
        assert!(is_close(
            told.chosen.sampled,
            (chosen.to - chosen.from) as f32
        ));
    }
    let all = explain(&params(), 3).unwrap().draw;
    let DrawReport::InverseCdf { intervals, .. } = all else {
        panic!("{all:?}");
    };
    assert_eq!(
        (intervals.len(), intervals[0].from, intervals[2].to),
        (3, 0.0, 1.0)
    );
}

#[test]
fn other_draws_are_told_too() {
    let torch = params().with_rng(RngKind::Torch);
    let told = explain(&torch, 2).unwrap();
    let DrawReport::ExponentialRace { contenders } = &told.draw else {
        panic!("{told:?}");
    };
    assert_eq!((contenders.len(), contenders[0].id), (2, told.chosen.id));
    assert!(contenders[0].quotient >= contenders[1].quotient);
    let greedy = params().with_temperature(0.0);
    let told = explain(&greedy, 1).unwrap();
    assert_eq!(told.draw, DrawReport::Greedy);
    assert_eq!((told.chosen.id, told.chosen.rank), (3, 2));
    assert_eq!(told.candidates[0].masked_by, None);
}
