//! The `wolfgang` command.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     wolfgang_cli::main()
//! }
//! ```
//!
//! Thin: it reads arguments, calls the libraries and writes what comes back. It is a library besides a binary so that
//! `cargo xtask convert-checkpoint` is the same code, and the project's tests can run it as a process of their own.

mod args;
mod bench;
mod chat;
mod chat_args;
mod complete;
mod config_file;
mod convert;
mod dash_texts;
mod devices;
#[cfg(all(feature = "wgpu", target_os = "linux"))]
mod driver_environment;
mod environment;
mod explain;
mod faust;
mod generate;
mod generate_args;
mod german;
mod home;
mod inspect;
mod internal_error;
mod interrupt;
mod language;
mod layers;
mod length_args;
mod lost_characters;
mod model_args;
mod model_source;
mod named;
mod output;
mod preset;
mod progress;
mod report;
mod sampling_args;
mod score;
mod standard_streams;
mod text_source;
mod token_ids;
mod tokenize;
mod voice;
mod whole_file;
mod whole_number;

pub use bench::{
    BenchArgs, CaseArgs, Figures, Rate, Sample, StepTime, Throughput, bench, measure, peak_memory,
    run_case,
};
pub use convert::{ConvertArgs, convert};

use args::{Cli, Command};
use std::process::ExitCode;
use voice::Voice;

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    internal_error::install_hook();
    std::panic::catch_unwind(run).unwrap_or_else(|panic| internal_error::report(&*panic))
}

/// One line on standard error with the next step, in English, and the code.
pub fn report_failure(error: &anyhow::Error) -> ExitCode {
    report::failure(error, Voice::default())
}

fn run() -> ExitCode {
    #[cfg(all(feature = "wgpu", target_os = "linux"))]
    driver_environment::prepare();
    let Cli { command, globals } = match args::parse() {
        Ok(cli) => cli,
        Err(error) => return report::usage(&error),
    };
    let (file, voice) = match globals.resolve() {
        Ok(resolved) => resolved,
        Err(error) => return report_failure(&error),
    };
    let result = match command {
        Command::Generate(args) => generate::run(*args, file, voice),
        Command::Explain(args) => explain::run(*args, file, voice),
        Command::Chat(args) => chat::run(*args, file, voice),
        Command::Score(args) => score::run(args, file, voice),
        Command::Tokenize(args) => tokenize::run(args, file, voice),
        Command::Convert(args) => convert::convert_with(&args, voice),
        Command::Inspect(args) => inspect::run(&args, voice),
        Command::Devices(args) => devices::run(&args, voice),
        Command::Bench(args) => bench(&args),
        Command::Completions(args) => complete::completions(&args),
        Command::Man(args) => complete::man(&args),
        Command::BenchCase(args) => run_case(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error, voice),
    }
}
