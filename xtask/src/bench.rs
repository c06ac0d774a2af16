//! `cargo xtask bench`: the standard set, for docs/performance.md.

mod chart;
mod page;

use crate::release_build::with_release_build;
use anyhow::Context;
use std::num::NonZeroUsize;
use std::path::Path;
use wolfgang_bench::{Bench, BenchOptions, BenchReport};
use wolfgang_generate::{DeviceId, DeviceName, Precision};

/// Every element type on the CPU, with random weights: speed does not depend on them.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Threads that compute. Without it, one for each core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Enough for a median that stays the same on a shared machine.
const REPETITIONS: NonZeroUsize = NonZeroUsize::new(15).unwrap();

/// The positions that the table shows.
const SHOWN: [usize; 2] = [64, 448];

/// Sequences that are decoded in one batch.
const BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(8).unwrap();

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
        sequences: vec![BATCH_SIZE],
        repetitions: REPETITIONS,
        ..BenchOptions::default()
    })?;
    let mut reports: Vec<BenchReport> = Vec::new();
    for configuration in bench.configurations() {
        let report = bench.measure(configuration)?;
        report.write_table(reports.is_empty(), &mut std::io::stdout().lock())?;
        reports.push(report);
    }
    let page = Path::new("docs/performance.md");
    let text = std::fs::read_to_string(page)
        .context("docs/performance.md is not here: run this from the top of the repository")?;
    std::fs::write("docs/performance.svg", chart::svg(&reports))?;
    Ok(std::fs::write(page, page::with_table(&text, &reports)?)?)
}
