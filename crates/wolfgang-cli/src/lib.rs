//! The `wolfgang` command.
//!
//! Thin: it reads arguments, calls the libraries and writes what comes back. It is a library besides a binary so that
//! `cargo xtask convert-checkpoint` is the same code, and the project's tests can run it as a process of their own.

mod args;
mod bench;
mod convert;
mod devices;
mod dtype;
mod faust;
mod generate;
mod inspect;
mod interrupt;
mod model_source;
mod output;
mod progress;
mod report;

pub use bench::{
    BenchArgs, CaseArgs, Figures, Rate, Sample, StepTime, Throughput, bench, measure, peak_memory,
    run_case,
};
pub use convert::{ConvertArgs, convert};
pub use report::failure as report_failure;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    // The libraries contain the panics of drivers and readers and make errors of them, which are told once, in a
    // sentence. A panic that they do not contain is told here.
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(run).unwrap_or_else(|panic| report::defect(&*panic))
}

fn run() -> ExitCode {
    let command = match args::Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return report::usage(&error),
    };
    let result = match command {
        args::Command::Generate(args) => generate::run(&args),
        args::Command::Convert(args) => convert(&args),
        args::Command::Inspect(args) => inspect::run(&args),
        args::Command::Devices(args) => devices::run(&args),
        args::Command::Bench(args) => bench(&args),
        args::Command::BenchCase(args) => run_case(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
