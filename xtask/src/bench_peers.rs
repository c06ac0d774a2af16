//! `cargo xtask bench-peers`: a shape of model here, in llama.cpp and in PyTorch, in turn.

mod peer;
mod shape;

pub(crate) use peer::torch_name;

use crate::measured_program::Speeds;
use crate::processor::processor;
use crate::release_build::with_release_build;
use anyhow::{Context, ensure};
use peer::Peer;
use shape::{Shape, ShapeName};
use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use wolfgang_bench::{Bench, BenchOptions, Statistics};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, convert};
use wolfgang_generate::{DeviceId, DeviceName, Precision};

/// Tokens that are decoded from each position.
const DECODED: NonZeroUsize = NonZeroUsize::new(48).unwrap();

/// Random weights: speed does not depend on them. Close other programs: they take part in the
/// result.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Python with llama-cpp-python, gguf and numpy
    #[arg(long, value_name = "PATH", default_value = "python3")]
    llama_python: PathBuf,

    /// Python with torch
    #[arg(long, value_name = "PATH", default_value = "python3")]
    torch_python: PathBuf,

    /// What is measured next to wolfgang
    #[arg(
        long = "peer",
        value_name = "PEER,...",
        value_enum,
        value_delimiter = ',',
        default_value = "llama-cpp,llama-cpp-extra,torch-eager,torch-compiled"
    )]
    peers: Vec<Peer>,

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
    // Files of one shape are not those of another.
    let folder = match &args.folder {
        Some(folder) => folder.join(args.shape.folder()),
        None => temporary.path().join("peers"),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let random = Checkpoint::random(&shape.config, 1)?;
    convert(&random, &model, &ConvertOptions::default(), &mut ())?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}, {} threads; medians (least to most) of {} rounds, tokens/s, and the median of wolfgang's ratio to the \
         program within a round\n",
        processor(),
        args.threads,
        args.rounds
    )?;
    let columns = shape.columns();
    writeln!(out, "| | {} |", columns.join(" | "))?;
    writeln!(out, "| --- |{}", " ---: |".repeat(columns.len()))?;
    let mut unmeasured = Vec::new();
    let mut versions = BTreeSet::new();
    for &dtype in &args.dtypes {
        let peers = args.peers.iter().filter(|peer| peer.computes_in(dtype));
        let mut peers: Vec<_> = peers.map(|peer| (*peer, Vec::new(), None)).collect();
        let mut ours = Vec::new();
        for _ in 0..args.rounds.get() {
            ours.push(here(args, &shape, &model, dtype)?);
            for (peer, speeds, failure) in &mut peers {
                // A program that failed once would fail again.
                if failure.is_none() {
                    match peer.measure(args, &shape, &folder, dtype) {
                        Ok(measured) => {
                            versions.insert(measured.version);
                            speeds.push(measured.speeds);
                        }
                        Err(error) => *failure = Some(error),
                    }
                }
            }
        }
        row(&mut out, &format!("{dtype}, wolfgang"), &ours, None)?;
        for (peer, speeds, failure) in peers {
            match failure {
                None => row(&mut out, &peer.title(dtype), &speeds, Some(&ours))?,
                Some(error) => unmeasured.push(format!("{}: {error:#}", peer.title(dtype))),
            }
        }
        out.flush()?;
    }
    let versions: Vec<_> = versions.into_iter().collect();
    writeln!(out, "\n{}.", versions.join(", "))?;
    for reason in unmeasured {
        writeln!(out, "\nNot measured: {reason}.")?;
    }
    Ok(())
}

/// A line of the table.
fn row(
    out: &mut impl Write,
    title: &str,
    rounds: &[Speeds],
    ours: Option<&[Speeds]>,
) -> anyhow::Result<()> {
    write!(out, "| {title} |")?;
    for column in 0..rounds.first().map_or(0, Vec::len) {
        let statistics = Statistics::from_samples(rounds.iter().map(|round| round[column]));
        let Statistics {
            median, min, max, ..
        } = statistics.context("there are no rounds")?;
        write!(out, " {median:.0} ({min:.0} to {max:.0})")?;
        if let Some(ours) = ours {
            let pairs = ours.iter().zip(rounds);
            let ratios = pairs.map(|(ours, theirs)| ours[column] / theirs[column]);
            let ratio = Statistics::from_samples(ratios).context("there are no rounds")?;
            write!(out, ", {:.2} ×", ratio.median)?;
        }
        write!(out, " |")?;
    }
    writeln!(out)?;
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
        tokens: Some(DECODED),
        sequences: vec![NonZeroUsize::MIN],
        repetitions: NonZeroUsize::MIN,
    })?;
    let configuration = bench.configurations().first();
    let report = bench.measure(configuration.context("there is nothing to measure")?)?;
    let rates = report.prefill.iter().chain(&report.decode);
    let speeds: Speeds = rates.map(|rate| rate.tokens_per_second.median).collect();
    ensure!(
        speeds.len() == shape.columns().len(),
        "a measurement is missing"
    );
    Ok(speeds)
}
