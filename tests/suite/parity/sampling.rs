//! The sampling chain against the original's probabilities.

use crate::fixtures::Golden;
use serde::Deserialize;
use wolfgang_sampling::{History, PenaltyScope, Sampler, SamplingParams};

#[derive(Deserialize)]
struct Case {
    vocab: usize,
    prompt: Vec<u32>,
    generated: Vec<u32>,
    temperature: f32,
    top_k: Option<usize>,
    top_p: f32,
    repetition_penalty: f32,
}

impl Case {
    fn probabilities(&self, params: &SamplingParams, logits: &[f32]) -> Vec<f32> {
        let mut sampler = Sampler::new(params, self.vocab, 0).unwrap();
        let mut values = logits.to_vec();
        let history = History::new(&self.prompt, &self.generated);
        sampler.probabilities(&mut values, history).unwrap();
        values
    }
}

/// How many cases of `file` agree only up to an exchange of equally likely ids.
fn check(file: &str, repetition_window: usize, penalty_scope: PenaltyScope) -> usize {
    let golden = Golden::read(file);
    let mut exchanged = 0;
    for (i, case) in golden.cases::<Case>().into_iter().enumerate() {
        let params = SamplingParams::default()
            .with_temperature(case.temperature)
            .with_top_k(case.top_k)
            .with_top_p(case.top_p)
            .with_repetition_penalty(case.repetition_penalty)
            .with_repetition_window(repetition_window)
            .with_penalty_scope(penalty_scope);
        let logits = golden.f32(&format!("{i}.logits"));
        let mut found = case.probabilities(&params, &logits);
        let mut expected = golden.f32(&format!("{i}.probs"));
        assert_eq!(found.len(), expected.len());
        let agree = |found: &[f32], expected: &[f32]| {
            let mut pairs = found.iter().zip(expected);
            pairs.all(|(p, q)| (*p > 0.0) == (*q > 0.0) && (p - q).abs() <= 1e-6)
        };
        if agree(&found, &expected) {
            continue;
        }
        // Where top-p cuts between ids of exactly the same probability, PyTorch's sort decides
        // which of them stay, and it follows neither rising nor falling ids. What is not arbitrary
        // is how many.
        let before_top_p = case.probabilities(&params.with_top_p(None), &logits);
        exchange_equals(&mut found, &before_top_p);
        exchange_equals(&mut expected, &before_top_p);
        assert!(
            agree(&found, &expected),
            "{file}, case {i}: {found:?} is not {expected:?}"
        );
        exchanged += 1;
    }
    exchanged
}

/// Sorts the values of ids that are equal in `key` in descending order.
fn exchange_equals(values: &mut [f32], key: &[f32]) {
    for id in 0..values.len() {
        for other in id + 1..values.len() {
            if key[id] == key[other] && values[id] < values[other] {
                values.swap(id, other);
            }
        }
    }
}

#[test]
fn probabilities_are_the_originals() {
    assert_eq!(check("sampling.safetensors", 24, PenaltyScope::Context), 14);
}

#[test]
fn probabilities_are_those_of_the_originals_later_rule() {
    let file = "sampling_generated_only_48.safetensors";
    assert_eq!(check(file, 48, PenaltyScope::Generated), 5);
}
