//! `cargo xtask accuracy`: what each device and precision costs in exactness, on the Faust model.

use crate::devices::Devices;
use anyhow::Context;
use std::io::Write;
use std::path::PathBuf;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{
    Device, ModelError, Precision, Tokenizer, WolfgangGenerator, WolfgangModel,
};

/// Goethe's Erlkönig is not in the Faust that the model was trained on.
const POEM: &str = include_str!("../data/erlkoenig.txt");

/// Measured against f32 on flex. Builds itself anew with the backends that it needs.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    devices: Devices,

    /// The model; its folder must have a tokenizer
    #[arg(long, value_name = "PATH", default_value = "models/faust")]
    model: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    args.devices.with_backends(false, || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let mut builder = WolfgangGenerator::builder(&args.model);
    let tokenizer = Tokenizer::from_file(builder.resolve()?.tokenizer())?;
    let ids = tokenizer.encode(POEM)?;
    let model = Checkpoint::open(&args.model)?.into_model(&Device::flex())?;
    let exact = WolfgangGenerator::new(model, tokenizer.clone())?;
    let exact_logits = logits(exact.model(), &ids)?;
    let largest = exact_logits
        .concat()
        .into_iter()
        .fold(0f32, |max, x| max.max(x.abs()));
    let exact_perplexity = perplexity(&exact, &ids)?;

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} tokens, perplexity {exact_perplexity:.3} in f32 on flex\n",
        ids.len()
    )?;
    writeln!(
        out,
        "| device | dtype | logits apart | perplexity |\n| --- | --- | --- | --- |"
    )?;
    for name in &args.devices.devices {
        let device = name.open()?;
        for dtype in &args.devices.dtypes {
            let checkpoint = Checkpoint::open(&args.model)?;
            let supported = Precision::supported_by(&device);
            if !supported.contains(dtype) {
                writeln!(out, "| {name} | {dtype} | not supported | |")?;
                continue;
            }
            let model = checkpoint.into_model_with(&device, *dtype, &mut ())?;
            let generator = WolfgangGenerator::new(model, tokenizer.clone())?;
            let found = logits(generator.model(), &ids)?;
            let apart = exact_logits.iter().flatten().zip(found.iter().flatten());
            let apart = apart.fold(0f32, |max, (a, b)| max.max((a - b).abs())) / largest;
            let perplexity = perplexity(&generator, &ids)?;
            let more = 100.0 * (perplexity / exact_perplexity - 1.0);
            writeln!(out, "| {name} | {dtype} | {apart:.1e} | {more:+.3} % |")?;
        }
    }
    Ok(())
}

/// The text in pieces that fit into the model's context.
fn windows<'a>(model: &WolfgangModel, ids: &'a [u32]) -> Vec<&'a [u32]> {
    ids.chunks(model.config().block_size).collect()
}

/// Logits of every position of each window, row by row.
fn logits(model: &WolfgangModel, ids: &[u32]) -> Result<Vec<Vec<f32>>, ModelError> {
    let windows = windows(model, ids);
    let logits = windows.into_iter().map(|window| model.forward(window));
    logits.collect()
}

/// The perplexity of all windows together. The first token of each is not scored.
fn perplexity(generator: &WolfgangGenerator, ids: &[u32]) -> anyhow::Result<f64> {
    let windows = windows(generator.model(), ids).into_iter();
    let scores = windows.map(|window| generator.score(window));
    let scores = scores.collect::<Result<Vec<_>, _>>()?.into_iter();
    let score = scores.reduce(|mut all, window| {
        all.logprobs.extend(window.logprobs);
        all
    });
    let perplexity = score.and_then(|score| score.perplexity());
    perplexity.context("the text has no tokens to score")
}
