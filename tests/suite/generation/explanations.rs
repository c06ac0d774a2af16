//! Explanations of generated tokens.

use crate::fixtures::faust;
use crate::generation::generator::{events, options};
use wolfgang_generate::{
    DrawReport, Event, FinishReason, GenerateOptions, MirostatParams, RngKind, SamplingParams,
    Step, XtcParams,
};

fn explained(n: usize, sampling: SamplingParams) -> GenerateOptions {
    options(24)
        .with_explain(n)
        .with_logprobs(n)
        .with_sampling(sampling)
}

fn chains() -> [SamplingParams; 4] {
    let default = SamplingParams::default;
    [
        default(),
        default().with_temperature(0.0),
        default().with_rng(RngKind::Torch),
        default()
            .with_xtc(XtcParams::default())
            .with_mirostat(MirostatParams::default()),
    ]
}

#[test]
fn explanations_change_no_text() {
    for sampling in chains() {
        let free = options(24).with_sampling(sampling.clone());
        let free = faust().generate_text("Habe nun, ach!", &free).unwrap();
        assert!(free.explanations.is_empty());
        for n in [0, 3] {
            let told = explained(n, sampling.clone());
            let told = faust().generate_text("Habe nun, ach!", &told).unwrap();
            assert_eq!((&told.ids, &told.text), (&free.ids, &free.text));
            assert_eq!(told.explanations.len(), told.generated_tokens);
        }
    }
}

/// Explanations come from steps within the sampler, log-probabilities from its input and output.
#[test]
fn explanations_agree_with_probabilities() {
    for sampling in chains() {
        let (_, summary) = events("Habe nun, ach!", &explained(6, sampling));
        for (told, logprobs) in summary.explanations.iter().zip(&summary.logprobs) {
            let pairs = |c: &wolfgang_generate::Candidate| (c.id, c.model, c.sampled);
            let expected = |a: &wolfgang_generate::Alternative| (a.id, a.model, a.sampled);
            assert_eq!(pairs(&told.chosen), expected(&logprobs.chosen));
            let found: Vec<_> = told.candidates.iter().map(pairs).collect();
            let expected: Vec<_> = logprobs.alternatives.iter().map(expected).collect();
            assert_eq!(found, expected);
            let counts = |two: &[wolfgang_generate::StepReport]| {
                two[0].possible_after == two[1].possible_before
            };
            assert!(told.steps.windows(2).all(counts));
            for step in &told.steps {
                assert_eq!(step.possible_before, step.possible_after + step.masked);
            }
        }
    }
}

#[test]
fn draws_are_reported_by_their_algorithm() {
    for sampling in chains() {
        let (_, summary) = events("Ach", &explained(4, sampling.clone()));
        for told in &summary.explanations {
            let id = told.chosen.id;
            match &told.draw {
                DrawReport::Greedy => assert!(sampling.is_greedy()),
                DrawReport::InverseCdf { u, intervals, .. } => {
                    assert_eq!(sampling.rng, RngKind::ChaCha);
                    let share = intervals.iter().find(|share| share.id == id).unwrap();
                    assert!((share.from..=share.to).contains(u));
                }
                DrawReport::ExponentialRace { contenders, .. } => {
                    assert_eq!((sampling.rng, contenders[0].id), (RngKind::Torch, id));
                }
                other => panic!("{other:?}"),
            }
            let xtc = told.steps.iter().find(|step| step.step == Step::Xtc);
            assert_eq!(xtc.is_some(), sampling.xtc.is_some());
            assert!(xtc.is_none_or(|xtc| xtc.random_draw.is_some()));
        }
    }
}

#[test]
fn every_id_has_an_explanation_and_the_end_has_one() {
    let free = faust().generate_text("Ach", &options(24)).unwrap();
    let stop = explained(2, SamplingParams::default()).with_stop_tokens([free.ids[12]]);
    let (events, summary) = events("Ach", &stop);
    let mut pieces = Vec::new();
    for event in events {
        if let Event::Text {
            ids, explanations, ..
        } = event
        {
            let explained: Vec<u32> = explanations.iter().map(|told| told.chosen.id).collect();
            assert_eq!(explained, ids);
            pieces.extend(explanations);
        }
    }
    assert_eq!(pieces, summary.explanations);
    let FinishReason::StopToken(id) = summary.reason else {
        panic!("{:?}", summary.reason);
    };
    assert_eq!(
        summary.stop_explanation.map(|told| told.chosen.id),
        Some(id)
    );
}
