//! `cargo xtask check-transformers`: the transformers library loads exported models and computes
//! the same.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, Target, convert};
use wolfgang_generate::{
    Device, GenerateOptions, Message, Role, SamplingParams, WolfgangGenerator,
};

/// Requires Python with torch and transformers.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Python interpreter with torch and transformers
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// Model to export; its folder must contain a tokenizer
    #[arg(long, value_name = "PATH", default_value = "models/faust")]
    model: PathBuf,
}

const SCRIPT: &str = include_str!("../python/check_transformers.py");
const TEXT: &str = "Habe nun, ach! Philosophie,";
const NEW_TOKENS: usize = 40;

/// Relative to the largest logit.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    version: String,
    model: String,
    dtype: String,
    eos_token_id: u32,
    text_ids: Vec<u32>,
    decoded: String,
    chat_ids: Vec<u32>,
    logits: Vec<f32>,
    greedy: Vec<u32>,
}

#[expect(clippy::print_stdout, reason = "a program may print")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let installed = Command::new(&args.python)
        .args(["-c", "import torch, transformers"])
        .output();
    if !installed.is_ok_and(|output| output.status.success()) {
        bail!(
            "{} cannot import torch and transformers: python3 -m venv target/python, then \
             target/python/bin/pip install torch transformers, then this with \
             --python target/python/bin/python",
            args.python.display()
        );
    }
    let mut builder = WolfgangGenerator::builder(&args.model);
    let tokenizer = builder.resolve()?.tokenizer();
    let folder = tempfile::tempdir()?;
    for (precision, dtype) in [
        (Precision::F32, "float32"),
        (Precision::F16, "float16"),
        (Precision::Bf16, "bfloat16"),
    ] {
        let out = folder.path().join(dtype);
        let options = ConvertOptions::default()
            .with_target(Target::HuggingFace)
            .with_precision(precision)
            .with_tokenizer(tokenizer.to_path_buf());
        convert(&Checkpoint::open(&args.model)?, &out, &options, &mut ())?;
        let expected = run_transformers(&args.python, &out)?;
        let difference = compare(&out, dtype, &expected)
            .with_context(|| format!("transformers {} on {dtype}", expected.version))?;
        println!(
            "{dtype:<8} loads in transformers {}; largest difference of the logits \
             {difference:.1e}; text, conversation and {NEW_TOKENS} greedy tokens are equal",
            expected.version
        );
    }
    Ok(())
}

fn conversation() -> [Message; 3] {
    [
        Message::new(Role::System, "Du bist Johann Wolfgang von Goethe."),
        Message::new(Role::User, "Was ist der Mensch?"),
        Message::new(Role::Assistant, "Ein Suchender."),
    ]
}

fn run_transformers(python: &Path, folder: &Path) -> anyhow::Result<Expected> {
    let messages: Vec<_> = conversation()
        .iter()
        .map(|message| {
            let role = message.role.token().trim_matches(['<', '|', '>']);
            json!({"role": role, "content": message.content})
        })
        .collect();
    let input = json!({"text": TEXT, "messages": messages, "new_tokens": NEW_TOKENS});
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .arg(folder)
        .arg(input.to_string())
        .output()?;
    ensure!(
        output.status.success(),
        "transformers does not load the export: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The largest difference of the logits, relative to the largest logit. All else must be equal.
fn compare(folder: &Path, dtype: &str, expected: &Expected) -> anyhow::Result<f32> {
    let ours = WolfgangGenerator::from_path(folder, &Device::flex())?;
    let tokenizer = ours.tokenizer();
    ensure!(
        expected.model == "LlamaForCausalLM",
        "its architecture is {}",
        expected.model
    );
    ensure!(
        expected.dtype == dtype,
        "its weights are {}",
        expected.dtype
    );
    ensure!(
        Some(expected.eos_token_id) == tokenizer.end_of_text(),
        "the end-of-text id differs"
    );
    ensure!(
        expected.text_ids == tokenizer.encode(TEXT)?,
        "the ids of the text differ"
    );
    ensure!(
        expected.decoded == TEXT,
        "the ids are decoded to {:?}",
        expected.decoded
    );
    ensure!(
        expected.chat_ids == tokenizer.encode_chat(&conversation())?,
        "the ids of the conversation differ"
    );

    let mut cache = ours.model().new_cache()?;
    let logits = ours
        .model()
        .forward_cached(&expected.text_ids, &mut cache)?;
    ensure!(
        logits.len() == expected.logits.len(),
        "it has {} logits",
        expected.logits.len()
    );
    let largest = logits.iter().fold(0f32, |max, x| max.max(x.abs()));
    let apart = logits
        .iter()
        .zip(&expected.logits)
        .map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0f32, f32::max) / largest;
    ensure!(
        apart <= TOLERANCE,
        "the largest difference of the logits is {apart}"
    );

    let options = GenerateOptions::default()
        .with_max_new_tokens(NEW_TOKENS)
        .with_sampling(
            SamplingParams::default()
                .with_temperature(0.0)
                .with_repetition_penalty(1.0),
        );
    let summary = ours.generate_text(&expected.text_ids[..], &options)?;
    ensure!(
        summary.ids == expected.greedy,
        "the greedy tokens differ: {:?}",
        expected.greedy
    );
    Ok(apart)
}
