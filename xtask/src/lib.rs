//! The chores of this project: `cargo xtask …`.
//!
//! A library besides a binary only so that the project's tests can run it as a process of their own.

mod accuracy;
mod bench;
mod bench_checkpoints;
mod bench_devices;
mod bench_engine;
mod bench_llama_cpp;
mod check_explain;
mod check_transformers;
mod ci;
mod devices;
mod fuzz;
mod loom;
mod miri;
mod public_api;
mod rebuilt;
mod test_backends;
mod torch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The chores of this project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check everything that must hold before a change lands: what .ci/run runs.
    Ci(ci::Args),
    /// Turn a checkpoint into a native or a Hugging Face folder: what `wolfgang convert` does.
    ConvertCheckpoint(wolfgang_cli::ConvertArgs),
    /// Measure the model of the standard shape (75M, random weights) on this machine's CPU, and rewrite the table and
    /// the chart in docs/performance.md.
    Bench(bench::Args),
    /// Measure it on any device, and PyTorch beside it.
    BenchDevices(bench_devices::Args),
    /// Measure an engine with it: gaps between tokens while long prompts arrive, and eight callers beside a batch.
    BenchEngine(bench_engine::Args),
    /// Measure it beside llama.cpp, in turn.
    BenchLlamaCpp(bench_llama_cpp::Args),
    /// Measure how far each precision is from f32 on the CPU: logits, and perplexity of a poem.
    Accuracy(accuracy::Args),
    /// Test every backend that this machine can run.
    TestBackends(test_backends::Args),
    /// Measure seconds and peak memory of loading and converting each form of a checkpoint.
    BenchCheckpoints(bench_checkpoints::Args),
    #[command(hide = true)]
    MeasuredStep(bench_checkpoints::StepArgs),
    /// Check that the transformers library loads what we export and computes the same.
    CheckTransformers(check_transformers::Args),
    /// Check the page of `wolfgang explain` in a browser.
    CheckExplain(check_explain::Args),
    /// Run the fuzz targets. Needs a nightly toolchain and cargo-fuzz.
    Fuzz(fuzz::Args),
    /// Check the kernels' thread pool in every order of its threads, with loom.
    Loom,
    /// Run the kernels' tests in Miri. Needs a nightly toolchain with Miri.
    Miri,
    /// Write docs/public-api/, the public items of the library crates.
    PublicApi(public_api::Args),
}

/// Runs the chore that the process's arguments name.
pub fn main() -> ExitCode {
    // Benchmarks run this program again for each measurement. The command has the subcommand for it.
    let command = std::env::args_os().nth(1);
    if command.is_some_and(|command| command == wolfgang_bench::CASE_COMMAND) {
        return wolfgang_cli::main();
    }
    let result = match Cli::parse().command {
        Command::Ci(args) => ci::run(&args),
        Command::ConvertCheckpoint(args) => wolfgang_cli::convert(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchDevices(args) => bench_devices::run(&args),
        Command::BenchEngine(args) => bench_engine::run(&args),
        Command::BenchLlamaCpp(args) => bench_llama_cpp::run(&args),
        Command::Accuracy(args) => accuracy::run(&args),
        Command::TestBackends(args) => test_backends::run(&args),
        Command::BenchCheckpoints(args) => bench_checkpoints::run(&args),
        Command::MeasuredStep(args) => bench_checkpoints::step(&args),
        Command::CheckTransformers(args) => check_transformers::run(&args),
        Command::CheckExplain(args) => check_explain::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Loom => loom::run(),
        Command::Miri => miri::run(),
        Command::PublicApi(args) => public_api::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => wolfgang_cli::report_failure(&error),
    }
}
