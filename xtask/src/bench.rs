//! `cargo xtask bench`: the standard set, as tables in Markdown.

mod chart;
mod tables;

use crate::release_build::with_release_build;
use anyhow::Context;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use wolfgang_bench::{Bench, BenchOptions, BenchReport};
use wolfgang_generate::{DeviceId, DeviceName, Precision};

/// Every element type on the CPU, with random weights: speed does not depend on them.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Threads that compute. Without it, one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// File for a chart of decode speed by position, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// Enough for a median that stays the same on a shared machine.
const REPETITIONS: NonZeroUsize = NonZeroUsize::new(15).unwrap();

/// The positions that the table shows.
const SHOWN: [usize; 2] = [64, 448];

/// Sequences that are decoded in one batch.
const BATCH_SIZES: [NonZeroUsize; 3] = [
    NonZeroUsize::new(8).unwrap(),
    NonZeroUsize::new(16).unwrap(),
    NonZeroUsize::new(32).unwrap(),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let bench = Bench::new(&BenchOptions {
        devices: vec![DeviceName::Specific(DeviceId::Flex)],
        precisions: Precision::ALL.to_vec(),
        threads: args.threads.into_iter().collect(),
        prefill: vec![448],
        depth: (0..8).map(|n| 64 * n).collect(),
        sequences: BATCH_SIZES.to_vec(),
        repetitions: REPETITIONS,
        ..BenchOptions::default()
    })?;
    let mut reports: Vec<BenchReport> = Vec::new();
    for configuration in bench.configurations() {
        reports.push(bench.measure(configuration)?);
    }
    if let Some(path) = &args.chart {
        std::fs::write(path, chart::svg(&reports))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut out = std::io::stdout().lock();
    out.write_all(tables::markdown(&reports)?.as_bytes())?;
    Ok(())
}
