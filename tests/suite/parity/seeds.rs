//! Sampled continuations of the Faust model by the original, with its own seeds: the same ids.

use crate::command::generate::run as command;
use crate::fixtures::{faust, json};
use serde::Deserialize;
use wolfgang_generate::{GenerateOptions, RngKind, SamplingParams};

#[derive(Deserialize)]
struct Run {
    prompt: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
    text: String,
    seed: u64,
    max_new_tokens: usize,
    temperature: f32,
    top_k: Option<usize>,
    top_p: f32,
    repetition_penalty: f32,
}

fn runs() -> Vec<Run> {
    let runs: Vec<Run> = json("faust/seeded.json");
    assert_eq!(runs.len(), 24);
    runs
}

#[test]
fn the_originals_seeds_give_the_originals_texts() {
    for run in runs() {
        let options = GenerateOptions::default()
            .with_max_new_tokens(run.max_new_tokens)
            .with_sampling(
                SamplingParams::default()
                    .with_temperature(run.temperature)
                    .with_top_k(run.top_k)
                    .with_top_p(run.top_p)
                    .with_repetition_penalty(run.repetition_penalty)
                    .with_rng(RngKind::Torch),
            )
            .with_seed(run.seed)
            .with_ignore_eos(true);
        let summary = faust()
            .generate_text(run.prompt.as_str(), &options)
            .unwrap();
        assert_eq!(summary.prompt_tokens, run.prompt_ids.len());
        assert_eq!(
            summary.ids, run.new_ids,
            "{}, seed {}",
            run.prompt, run.seed
        );
        assert_eq!(summary.text, run.text);
    }
}

#[test]
fn the_command_takes_the_originals_seeds() {
    let run = &runs()[0];
    let seed = run.seed.to_string();
    let arguments = [&run.prompt, "--seed", &seed, "--max-new-tokens", "120"];
    let told = |rng: &[&str]| {
        let output =
            command(&[&arguments[..], &["--ignore-eos", "--device", "flex"], rng].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(told(&["--rng", "torch"]), run.text);
    assert_ne!(told(&[]), run.text);
}
