//! Greedy continuations of the Faust model, id by id, far past the block size. On every backend: `backends.rs`.

use crate::backends::Target;
use crate::fixtures::{faust, json};
use serde::Deserialize;
use wolfgang_generate::{GenerateOptions, SamplingParams, WolfgangGenerator};
use wolfgang_model::to_host;
use wolfgang_sampling::{History, Sampler};
use wolfgang_tokenize::Special;

#[derive(Deserialize)]
struct Run {
    prompt: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
    text: String,
    max_new_tokens: usize,
    temperature: f32,
    top_k: usize,
    top_p: f32,
    repetition_penalty: f32,
}

impl Run {
    fn sampling(&self) -> SamplingParams {
        SamplingParams {
            temperature: self.temperature,
            top_k: Some(self.top_k),
            top_p: Some(self.top_p),
            repetition_penalty: self.repetition_penalty,
            ..SamplingParams::default()
        }
    }
}

fn runs() -> Vec<Run> {
    let runs: Vec<Run> = json("faust/greedy.json");
    let block_size = faust().model().config().block_size;
    assert!(
        runs.iter()
            .any(|run| run.prompt_ids.len() + run.new_ids.len() > block_size)
    );
    runs
}

fn assert_continues(faust: &WolfgangGenerator, run: &Run, sampling: SamplingParams) {
    let options = GenerateOptions {
        max_new_tokens: run.max_new_tokens,
        sampling,
        ignore_eos: true,
        ..GenerateOptions::default()
    };
    let summary = faust.generate_text(&run.prompt, &options).unwrap();
    assert_eq!(summary.prompt_tokens, run.prompt_ids.len());
    assert_eq!(summary.ids, run.new_ids, "{}", run.prompt);
    assert_eq!(summary.text, run.text);
}

pub(crate) fn the_generator_continues_as_the_original(on: &Target) {
    for run in runs() {
        assert_continues(
            &on.faust,
            &run,
            SamplingParams {
                temperature: 0.0,
                ..run.sampling()
            },
        );
    }
}

/// The original's way to be greedy: a top-k of one.
#[test]
fn a_single_candidate_is_as_good_as_greedy() {
    let mut run = runs().remove(0);
    run.max_new_tokens = 100;
    run.new_ids.truncate(100);
    run.text = faust().tokenizer().decode(&run.new_ids, Special::Skip);
    assert_continues(faust(), &run, run.sampling());
}

/// Without a cache: the whole text at once, and past the block size every window, as the original computes it afresh
/// for every token.
#[test]
fn without_a_cache_it_is_the_same() {
    let config = faust().model().config();
    for run in runs() {
        let ids: Vec<u32> = run.prompt_ids.iter().chain(&run.new_ids).copied().collect();
        let first = run.prompt_ids.len();
        let mut sampler = Sampler::new(&run.sampling(), config.vocab_size, 0).unwrap();
        let mut assert_next = |end: usize, logits: &[f32]| {
            let history = History {
                prompt: &ids[..first],
                generated: &ids[first..end],
            };
            let next = sampler.sample(&mut logits.to_vec(), history).unwrap();
            assert_eq!(next, ids[end], "{}, position {end}", run.prompt);
        };

        let logits = logits_of(&ids[..config.block_size]);
        for end in first..=config.block_size {
            assert_next(
                end,
                &logits[(end - 1) * config.vocab_size..end * config.vocab_size],
            );
        }
        for end in config.block_size + 1..ids.len() {
            let logits = logits_of(&ids[end - config.block_size..end]);
            assert_next(end, &logits[logits.len() - config.vocab_size..]);
        }
    }
}

/// Logits of every position, `[n, vocab_size]`.
fn logits_of(ids: &[u32]) -> Vec<f32> {
    to_host(faust().model().forward(ids).unwrap()).unwrap()
}
