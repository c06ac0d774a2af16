//! `cargo xtask bench-llama-cpp`: a shape of model here and in llama.cpp, in turn.

use crate::release_build::with_release_build;
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use wolfgang_bench::{Bench, BenchOptions, Statistics};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, convert};
use wolfgang_generate::{DeviceId, DeviceName, ModelConfig, Precision};

/// What is measured.
struct Shape {
    config: ModelConfig,
    /// Lengths of prompts.
    prefill: &'static [usize],
    /// Positions at which decoding starts.
    positions: Vec<usize>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ShapeName {
    /// 75M weights, a context of 512
    Standard,
    /// That of SmolLM2-135M, a context of 8,192
    Smollm2,
}

impl ShapeName {
    fn shape(self) -> Shape {
        match self {
            Self::Standard => Shape {
                config: ModelConfig::default(),
                prefill: &[448],
                positions: vec![64, 448],
            },
            Self::Smollm2 => Shape {
                config: ModelConfig::default()
                    .with_block_size(8192)
                    .with_vocab_size(49152)
                    .with_n_layer(30)
                    .with_n_head(9)
                    .with_n_kv_head(3)
                    .with_n_embd(576)
                    .with_intermediate_size(1536),
                prefill: &[512],
                positions: vec![64, 2048, 8000],
            },
        }
    }
}

/// Random weights: speed does not depend on them. Needs a Python with llama-cpp-python, gguf and
/// numpy. Close other programs: they take part in the result.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// That Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// Shape of the model
    #[arg(long, value_enum, default_value = "standard")]
    shape: ShapeName,

    /// Element types of the weights
    #[arg(
        long = "dtype",
        value_name = "DTYPE,...",
        value_delimiter = ',',
        default_values_t = Precision::ALL
    )]
    dtypes: Vec<Precision>,

    /// Positions at which decoding starts. Without them, those of the shape; llama.cpp can take
    /// minutes to compute a cache of 8,000
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    positions: Vec<usize>,

    /// Threads that compute
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroUsize,

    /// Existing folder for llama.cpp's models and caches. A later run uses them again
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// How often each is measured, in turn
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,
}

/// Each prefill, then decode at each position, in tokens per second.
type Speeds = Vec<f64>;

#[derive(Deserialize)]
struct Answer {
    version: String,
    speeds: Speeds,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let mut shape = args.shape.shape();
    if !args.positions.is_empty() {
        shape.positions.clone_from(&args.positions);
    }
    let temporary = tempfile::tempdir()?;
    let model = temporary.path().join("model");
    let folder = args.folder.as_deref().unwrap_or(temporary.path());
    let random = Checkpoint::random(&shape.config, 1)?;
    convert(&random, &model, &ConvertOptions::default(), &mut ())?;
    let prefills = shape.prefill.iter().map(|n| format!("prefill of {n}"));
    let decodes = shape.positions.iter().map(|n| format!("decode at {n}"));
    let columns: Vec<String> = prefills.chain(decodes).collect();
    let mut out = std::io::stdout().lock();
    for (index, &dtype) in args.dtypes.iter().enumerate() {
        let mut rounds = Vec::new();
        let mut version = String::new();
        for _ in 0..args.rounds.get() {
            let here = here(args, &shape, &model, dtype)?;
            let answer = llama_cpp(args, &shape, folder, dtype)?;
            let complete = [&here, &answer.speeds].map(|speeds| speeds.len() == columns.len());
            ensure!(complete == [true; 2], "a measurement is missing");
            rounds.push((here, answer.speeds));
            version = answer.version;
        }
        if index == 0 {
            writeln!(
                out,
                "llama-cpp-python {version}, {} threads; medians of {} rounds, tokens/s, and of the ratios within a round\n",
                args.threads, args.rounds
            )?;
            let header: String = columns
                .iter()
                .map(|column| format!(" {column} | llama.cpp | times |"))
                .collect();
            let line = " ---: | ---: | ---: |".repeat(columns.len());
            writeln!(out, "| |{header}\n| --- |{line}")?;
        }
        write!(out, "| {dtype} |")?;
        for at in 0..columns.len() {
            let median = |pick: fn(&(Speeds, Speeds), usize) -> f64| {
                let statistics =
                    Statistics::from_samples(rounds.iter().map(|round| pick(round, at)));
                statistics.map_or(f64::NAN, |statistics| statistics.median)
            };
            let ours = median(|round, at| round.0[at]);
            let theirs = median(|round, at| round.1[at]);
            let times = median(|round, at| round.0[at] / round.1[at]);
            write!(out, " {ours:.0} | {theirs:.0} | {times:.2} |")?;
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

fn here(args: &Args, shape: &Shape, model: &Path, dtype: Precision) -> anyhow::Result<Speeds> {
    let bench = Bench::new(&BenchOptions {
        model: Some(model.to_path_buf()),
        devices: vec![DeviceName::Specific(DeviceId::Flex)],
        precisions: vec![dtype],
        threads: vec![args.threads],
        prefill: shape.prefill.to_vec(),
        depth: shape.positions.clone(),
        sequences: vec![NonZeroUsize::MIN],
        repetitions: NonZeroUsize::MIN,
        ..BenchOptions::default()
    })?;
    let configuration = bench.configurations().first();
    let report = bench.measure(configuration.context("there is nothing to measure")?)?;
    let rates = report.prefill.iter().chain(&report.decode);
    Ok(rates.map(|rate| rate.tokens_per_second.median).collect())
}

/// One round, by `xtask/python/bench_llama_cpp.py`.
fn llama_cpp(
    args: &Args,
    shape: &Shape,
    folder: &Path,
    dtype: Precision,
) -> anyhow::Result<Answer> {
    let path = folder.join(format!("{dtype}.gguf"));
    let question = json!({
        "path": path, "dtype": dtype.to_string(), "config": shape.config, "threads": args.threads,
        "prefill": shape.prefill, "positions": shape.positions, "decoded": BenchOptions::default().tokens,
    });
    let output = Command::new(&args.python)
        .args(["-c", include_str!("../python/bench_llama_cpp.py")])
        .arg(question.to_string())
        .output()
        .with_context(|| format!("cannot run {}", args.python.display()))?;
    ensure!(
        output.status.success(),
        "llama.cpp failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
