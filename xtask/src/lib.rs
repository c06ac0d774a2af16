//! Commands for development: `cargo xtask …`.
//!
//! A library as well as a binary so that the tests of the project can run it as a process.

mod accuracy;
mod bench;
mod bench_all;
mod bench_checkpoints;
mod bench_devices;
mod bench_engine;
mod bench_peers;
mod bench_serve;
mod check_clients;
mod check_deployment;
mod check_determinism;
mod check_explain;
mod check_json_schema;
mod check_page;
mod check_smollm2;
mod check_transformers;
mod ci;
mod devices;
mod fuzz;
mod loom;
mod measured_program;
mod miri;
mod processor;
mod public_api;
mod release_build;
mod serving;
mod test_backends;
mod torch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Commands for the development of this project
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all checks of CI, as .ci/run does
    Ci(ci::Args),
    /// Convert a checkpoint to a native or a Hugging Face folder, as `wolfgang convert` does
    ConvertCheckpoint(wolfgang_cli::ConvertArgs),
    /// Measure everything that docs/performance.md states, and rewrite its tables and its chart
    BenchAll(bench_all::Args),
    /// Measure the default model (75M, random weights) on the CPU
    Bench(bench::Args),
    /// Measure the default model on any device, and optionally PyTorch
    BenchDevices(bench_devices::Args),
    /// Measure an engine: gaps between tokens while long prompts arrive, and eight callers compared
    /// with a batch
    BenchEngine(bench_engine::Args),
    /// Measure the default model, llama.cpp and PyTorch in alternation
    BenchPeers(bench_peers::Args),
    /// Measure `wolfgang serve` and llama-server in alternation, and `wolfgang serve` when
    /// overloaded
    BenchServe(bench_serve::Args),
    /// Measure the difference of each precision from f32 on the CPU: logits and perplexity
    Accuracy(accuracy::Args),
    /// Run the backend tests on every backend that this machine has
    TestBackends(test_backends::Args),
    /// Measure time and peak memory of loading and converting each checkpoint format
    BenchCheckpoints(bench_checkpoints::Args),
    #[command(hide = true)]
    MeasuredStep(bench_checkpoints::StepArgs),
    /// Check that the transformers library loads exported models and computes the same
    CheckTransformers(check_transformers::Args),
    /// Check that SmolLM2-135M-Instruct, from a GGUF file, computes what transformers computes
    CheckSmollm2(check_smollm2::Args),
    /// Test the page of `wolfgang explain` in a browser
    CheckExplain(check_explain::Args),
    /// Test the page of `wolfgang serve` in a browser
    CheckPage(check_page::Args),
    /// Test `wolfgang serve` with real clients of OpenAI's interface
    CheckClients(check_clients::Args),
    /// Check the configurations in docs/deploy with two replicas of `wolfgang serve`
    CheckDeployment(check_deployment::Args),
    /// Check that requests give the same text however they are sent: by `wolfgang generate`,
    /// `run-batch` and `serve`, streamed, next to others, and with one thread
    CheckDeterminism(check_determinism::Args),
    /// Check constraints with public suites of JSON Schema
    CheckJsonSchema(check_json_schema::Args),
    /// Run the fuzz targets; requires a nightly toolchain and cargo-fuzz
    Fuzz(fuzz::Args),
    /// Check the kernels' thread pool in every order of its threads, with loom.
    Loom,
    /// Run the tests of the kernels in Miri; requires a nightly toolchain with Miri
    Miri,
    /// Write docs/public-api/, the public items of the libraries
    PublicApi(public_api::Args),
}

/// Subcommands of `wolfgang` that this program runs in a process of its own, so that the command
/// need not be built as well: a measurement of a benchmark, and those that checks test.
const COMMANDS_OF_WOLFGANG: [&str; 4] = [
    wolfgang_bench::CASE_COMMAND,
    "serve",
    "generate",
    "run-batch",
];

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let command = std::env::args_os().nth(1);
    if command.is_some_and(|command| COMMANDS_OF_WOLFGANG.iter().any(|own| command == *own)) {
        return wolfgang_cli::main();
    }
    let result = match Cli::parse().command {
        Command::Ci(args) => ci::run(&args),
        Command::ConvertCheckpoint(args) => wolfgang_cli::convert(&args),
        Command::BenchAll(args) => bench_all::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchDevices(args) => bench_devices::run(&args),
        Command::BenchEngine(args) => bench_engine::run(&args),
        Command::BenchPeers(args) => bench_peers::run(&args),
        Command::BenchServe(args) => bench_serve::run(&args),
        Command::Accuracy(args) => accuracy::run(&args),
        Command::TestBackends(args) => test_backends::run(&args),
        Command::BenchCheckpoints(args) => bench_checkpoints::run(&args),
        Command::MeasuredStep(args) => bench_checkpoints::step(&args),
        Command::CheckTransformers(args) => check_transformers::run(&args),
        Command::CheckSmollm2(args) => check_smollm2::run(&args),
        Command::CheckClients(args) => check_clients::run(&args),
        Command::CheckExplain(args) => check_explain::run(&args),
        Command::CheckPage(args) => check_page::run(&args),
        Command::CheckDeployment(args) => check_deployment::run(&args),
        Command::CheckDeterminism(args) => check_determinism::run(&args),
        Command::CheckJsonSchema(args) => check_json_schema::run(&args),
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
