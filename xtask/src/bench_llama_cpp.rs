//! `cargo xtask bench-llama-cpp`: the standard shape here and in llama.cpp, in turn.

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

const PREFILL: usize = 448;
const POSITIONS: [usize; 2] = [64, 448];

/// Random weights: speed does not depend on them. Needs a Python with llama-cpp-python, gguf and
/// numpy. Close other programs: they take part in the result.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// That Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// Threads that compute
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroUsize,

    /// How often each is measured, in turn
    #[arg(long, value_name = "N", default_value = "5")]
    rounds: NonZeroUsize,
}

/// Prefill and decode at each position, in tokens a second.
type Speeds = [f64; 1 + POSITIONS.len()];

#[derive(Deserialize)]
struct Answer {
    version: String,
    prefill: f64,
    decode: [f64; POSITIONS.len()],
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model");
    let random = Checkpoint::random(&ModelConfig::default(), 1)?;
    convert(&random, &model, &ConvertOptions::default(), &mut ())?;
    let mut out = std::io::stdout().lock();
    for dtype in Precision::ALL {
        let mut rounds = Vec::new();
        let mut version = String::new();
        for _ in 0..args.rounds.get() {
            let here = here(args, &model, dtype)?;
            let answer = llama_cpp(args, folder.path(), dtype)?;
            let [near, far] = answer.decode;
            rounds.push((here, [answer.prefill, near, far]));
            version = answer.version;
        }
        if dtype == Precision::F32 {
            writeln!(
                out,
                "llama-cpp-python {version}, {} threads; medians of {} rounds, tokens/s, and of the ratios within a round\n\n\
                 | | prefill of {PREFILL} | llama.cpp | times | decode at {} | llama.cpp | times | decode at {} | llama.cpp | times |\n\
                 | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
                args.threads, args.rounds, POSITIONS[0], POSITIONS[1]
            )?;
        }
        write!(out, "| {dtype} |")?;
        for at in 0..=POSITIONS.len() {
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

fn here(args: &Args, model: &Path, dtype: Precision) -> anyhow::Result<Speeds> {
    let bench = Bench::new(&BenchOptions {
        model: Some(model.to_path_buf()),
        devices: vec![DeviceName::Specific(DeviceId::Flex)],
        precisions: vec![dtype],
        threads: vec![args.threads],
        prefill: vec![PREFILL],
        depth: POSITIONS.to_vec(),
        sequences: vec![NonZeroUsize::MIN],
        repetitions: NonZeroUsize::MIN,
        ..BenchOptions::default()
    })?;
    let configuration = bench.configurations().first();
    let report = bench.measure(configuration.context("there is nothing to measure")?)?;
    let rates = report.prefill.iter().chain(&report.decode);
    let rates: Vec<f64> = rates.map(|rate| rate.tokens_per_second.median).collect();
    rates.try_into().ok().context("a measurement is missing")
}

/// One round, by `xtask/python/bench_llama_cpp.py`.
fn llama_cpp(args: &Args, folder: &Path, dtype: Precision) -> anyhow::Result<Answer> {
    let path = folder.join(format!("{dtype}.gguf"));
    let question = json!({
        "path": path, "dtype": dtype.to_string(), "config": ModelConfig::default(), "threads": args.threads,
        "prefill": PREFILL, "positions": POSITIONS, "decoded": BenchOptions::default().tokens,
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
