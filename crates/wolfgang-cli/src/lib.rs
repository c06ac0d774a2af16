//! The `wolfgang` command.
//!
//! Thin: it reads arguments, calls `wolfgang-generate` and writes what comes back. It is a library besides a binary
//! only so that the project's tests can run it as a process of their own.

mod args;
mod device;
mod faust;
mod generate;
mod interrupt;
mod model_source;
mod output;
#[cfg(feature = "hub")]
mod progress;
mod report;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    let command = match args::Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return report::usage(&error),
    };
    let result = match command {
        args::Command::Generate(args) => generate::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
