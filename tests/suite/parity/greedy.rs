//! Greedy continuations of the Faust model, id by id, far past the block size. On every backend:
//! `parity/backends.rs`.

use crate::fixtures::{faust, json};
use crate::parity::backends::Target;
use serde::Deserialize;
use wolfgang_generate::{GenerateOptions, Prompt, SamplingParams, WolfgangGenerator};
use wolfgang_sampling::{History, Sampler};

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
        SamplingParams::default()
            .with_temperature(self.temperature)
            .with_top_k(self.top_k)
            .with_top_p(self.top_p)
            .with_repetition_penalty(self.repetition_penalty)
    }
}

fn runs() -> Vec<Run> {
    let runs: Vec<Run> = json("faust/greedy.json");
    let block_size = faust().model().config().block_size;
    assert!(
        runs.iter()
            .all(|run| run.new_ids.len() == run.max_new_tokens)
    );
    assert!(
        runs.iter()
            .any(|run| run.prompt_ids.len() + run.new_ids.len() > block_size)
    );
    runs
}

/// Asserts that after the first `known` ids the generator gives the ids of the original, for `n`
/// tokens or to the end.
fn assert_continues(
    faust: &WolfgangGenerator,
    run: &Run,
    known: usize,
    n: usize,
    sampling: SamplingParams,
) {
    let (given, rest) = run.new_ids.split_at(known);
    let expected = &rest[..n.min(rest.len())];
    let options = GenerateOptions::default()
        .with_max_new_tokens(expected.len())
        .with_sampling(sampling)
        .with_ignore_eos(true);
    let ids = [run.prompt_ids.as_slice(), given].concat();
    let prompt = match known {
        0 => Prompt::Text(&run.prompt),
        _ => Prompt::Ids(&ids),
    };
    let summary = faust.generate_text(prompt, &options).unwrap();
    assert_eq!(summary.prompt_tokens, ids.len());
    assert_eq!(summary.ids, expected, "{} behind {known}", run.prompt);
    if known == 0 {
        let text = summary.text.trim_end_matches('\u{fffd}');
        assert!(!text.is_empty() && run.text.starts_with(text), "{text}");
    }
}

fn greedy(run: &Run) -> SamplingParams {
    run.sampling().with_temperature(0.0)
}

/// The first run far past the full context, the others to where it is full: a token past that costs
/// the prefill of a whole window, which depends only on the ids in it.
pub(crate) fn the_generator_continues_as_the_original(on: &Target) {
    let block_size = on.faust.model().config().block_size;
    for (i, run) in runs().iter().enumerate() {
        let to_full = block_size - run.prompt_ids.len() + 1;
        let n = if i == 0 { to_full + 40 } else { to_full };
        assert_continues(&on.faust, run, 0, n.min(on.new_tokens), greedy(run));
    }
}

/// The windows of the other runs, at several distances past the full context.
pub(crate) fn a_full_context_slides_on_as_the_original(on: &Target) {
    const BEFORE: usize = 3;
    let block_size = on.faust.model().config().block_size;
    for run in &runs() {
        let known = block_size - BEFORE - run.prompt_ids.len();
        assert_continues(&on.faust, run, known, 2 * BEFORE, greedy(run));
        for known in (known + 2 * BEFORE..run.new_ids.len()).step_by(64) {
            assert_continues(&on.faust, run, known, 2, greedy(run));
        }
    }
}

/// The original's way to be greedy: a top-k of one.
#[test]
fn top_k_of_1_is_greedy() {
    let run = runs().remove(0);
    assert_continues(faust(), &run, 0, 100, run.sampling());
}

/// Without a cache: the whole context at once, and past it whole windows, as the original computes
/// them for every token. Here it is one window in 32.
#[test]
fn logits_without_a_cache_continue_as_the_original() {
    let config = faust().model().config();
    for run in runs() {
        let ids: Vec<u32> = run.prompt_ids.iter().chain(&run.new_ids).copied().collect();
        let first = run.prompt_ids.len();
        let mut sampler = Sampler::new(&run.sampling(), config.vocab_size, 0).unwrap();
        let mut assert_next = |end: usize, logits: &[f32]| {
            let history = History::new(&ids[..first], &ids[first..end]);
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
        for end in (config.block_size + 1..ids.len()).step_by(32) {
            let logits = logits_of(&ids[end - config.block_size..end]);
            assert_next(end, &logits[logits.len() - config.vocab_size..]);
        }
    }
}

/// Logits of every position, `[n, vocab_size]`.
fn logits_of(ids: &[u32]) -> Vec<f32> {
    faust().model().forward(ids).unwrap()
}
