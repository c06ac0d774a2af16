//! The `wolfgang` command.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     wolfgang_cli::main()
//! }
//! ```
//!
//! It parses arguments, calls the libraries and prints the results. It is a library as well as a
//! binary so that `cargo xtask convert-checkpoint` runs the same code.

mod api_context;
mod args;
mod bench;
mod bundled_model;
mod chat;
mod chat_args;
mod chat_date;
mod completions;
mod config_file;
mod console;
mod constraint_args;
mod convert;
mod dash_texts;
mod devices;
#[cfg(all(feature = "wgpu", target_os = "linux"))]
mod driver_environment;
mod environment;
mod error;
mod explain;
mod failure;
mod generate;
mod generate_args;
mod generation_args;
mod home;
mod inspect;
mod internal_error;
mod interrupt;
mod language;
mod length_args;
mod lost_characters;
mod merge;
mod model_args;
mod model_source;
mod named;
mod output;
mod output_file;
mod preset;
mod progress;
mod prompt;
mod run_batch;
mod sampling_args;
mod score;
mod serve;
mod serve_args;
mod standard_streams;
mod text_source;
mod token_ids;
mod token_names;
mod tokenize;
mod whole_number;

pub use convert::{ConvertArgs, convert};

use args::{Cli, Command};
use clap::CommandFactory;
use console::Console;
use std::process::ExitCode;

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    internal_error::install_hook();
    std::panic::catch_unwind(run).unwrap_or_else(|panic| internal_error::report(&*panic))
}

/// Prints an error and the next step to standard error as one line. Returns the exit code.
pub fn report_failure(error: &anyhow::Error) -> ExitCode {
    failure::report(error, Console::default())
}

fn run() -> ExitCode {
    #[cfg(all(feature = "wgpu", target_os = "linux"))]
    driver_environment::prepare();
    let Cli { command, globals } = match args::parse() {
        Ok(cli) => cli,
        Err(error) => return failure::report_usage(&error),
    };
    let (file, console) = match globals.resolve() {
        Ok(resolved) => resolved,
        Err(error) => return report_failure(&error),
    };
    let result = match command {
        Command::Generate(args) => generate::run(*args, file, console),
        Command::Explain(args) => explain::run(*args, file, console),
        Command::Chat(args) => chat::run(*args, file, console),
        Command::Score(args) => score::run(args, file, console),
        Command::RunBatch(args) => run_batch::run(*args, file, console),
        Command::Serve(args) => serve::run(*args, file, console),
        Command::Tokenize(args) => tokenize::run(args, file, console),
        Command::Convert(args) => convert::convert_with(&args, console),
        Command::Inspect(args) => inspect::run(&args, console),
        Command::Devices(args) => devices::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completions::completions(&args, &Cli::command()),
        Command::Man(args) => completions::man(&args, &Cli::command()),
        Command::BenchCase(args) => bench::run_case(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, console),
    }
}
