//! The chores of this project: `cargo xtask …`.
//!
//! A library besides a binary only so that the project's tests can run it as a process of their own.

mod bench;
mod convert_checkpoint;
mod fuzz;

use clap::{Parser, Subcommand};
use std::io::Write;
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
    /// Turn a checkpoint into a native folder.
    ConvertCheckpoint(convert_checkpoint::Args),
    /// Measure the model of the standard shape (75M, random weights) on this machine.
    Bench,
    /// Run the fuzz targets. Needs a nightly toolchain and cargo-fuzz.
    Fuzz(fuzz::Args),
}

/// Runs the chore that the process's arguments name.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::ConvertCheckpoint(args) => convert_checkpoint::run(&args),
        Command::Bench => bench::run(),
        Command::Fuzz(args) => fuzz::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
