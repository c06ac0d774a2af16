//! `wolfgang bench`: the speed of a model, and the limits of this machine.

use crate::console::{Console, write_line};
use crate::error::UsageError;
use crate::failure::USAGE;
use crate::home;
use crate::model_source;
use crate::named;
use crate::standard_streams;
use crate::whole_number;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wolfgang_bench::{Bench, BenchError, BenchOptions};
use wolfgang_generate::{DeviceName, GenerateError, Precision};

/// Arguments of `wolfgang bench`.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Model to load [default: random weights of a 75M model in a temporary folder]
    ///
    /// A .pt or .gguf file, a native folder, a Hugging Face folder, or hf:OWNER/NAME.
    #[arg(long, value_name = "PATH|hf:OWNER/NAME", value_parser = home::path())]
    model: Option<PathBuf>,

    /// Devices to measure, one after the other
    #[arg(long = "device", value_name = "NAME,...", value_delimiter = ',', default_values_t = BenchOptions::default().devices)]
    devices: Vec<DeviceName>,

    /// Element types of the weights to measure
    #[arg(long = "dtype", value_name = "DTYPE,...", value_delimiter = ',', value_parser = named::precision(), default_values_t = BenchOptions::default().precisions)]
    dtypes: Vec<Precision>,

    /// Numbers of CPU threads to measure [default: one per core]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::positive, allow_negative_numbers = true)]
    threads: Vec<NonZeroUsize>,

    /// Prompt lengths of the prefill measurements [default: 7/8 of the context]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::count, allow_negative_numbers = true)]
    prefill: Vec<usize>,

    /// Positions at which decoding starts [default: 1/8 and 7/8 of the context]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::count, allow_negative_numbers = true)]
    depth: Vec<usize>,

    /// Number of tokens to decode from each position [default: 48, or as many as the context has
    /// room for]
    #[arg(long, value_name = "N", value_parser = whole_number::positive, allow_negative_numbers = true)]
    tokens: Option<NonZeroUsize>,

    /// Batch sizes of decoding, from the first position above 0
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::positive, allow_negative_numbers = true, default_values_t = BenchOptions::default().sequences)]
    sequences: Vec<NonZeroUsize>,

    /// Number of measurements, after one warm-up
    #[arg(long, value_name = "N", value_parser = whole_number::positive, allow_negative_numbers = true, default_value_t = BenchOptions::default().repetitions)]
    repetitions: NonZeroUsize,

    /// Print JSON Lines: one object per configuration
    #[arg(long)]
    json: bool,
}

/// Arguments of the hidden subcommand that a benchmark starts for each measurement.
#[derive(Args, Debug)]
pub(crate) struct CaseArgs {
    case: String,
}

/// Prints each report as soon as it has been measured.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let bench = Bench::new(&options(args)?).map_err(error)?;
    for (n, configuration) in bench.configurations().iter().enumerate() {
        if std::io::stderr().is_terminal() {
            write_line(&format!(
                "{} in {} …",
                configuration.device, configuration.precision
            ));
        }
        let report = bench.measure(configuration).map_err(error)?;
        let mut out = standard_streams::output();
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&report)?)?;
        } else {
            report.write_table(n == 0, &mut out)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Runs one measurement and prints its result.
pub(crate) fn run_case(args: &CaseArgs) -> anyhow::Result<()> {
    let result = wolfgang_bench::run_case(&args.case).map_err(error)?;
    let mut out = standard_streams::output();
    writeln!(out, "{result}")?;
    Ok(out.flush()?)
}

fn options(args: &BenchArgs) -> anyhow::Result<BenchOptions> {
    let model = args.model.as_deref();
    let model = model.map(|model| model_source::resolve(model, Console::default()));
    Ok(BenchOptions {
        model: model
            .transpose()?
            .map(|files| files.checkpoint().to_path_buf()),
        devices: args.devices.clone(),
        precisions: args.dtypes.clone(),
        threads: args.threads.clone(),
        prefill: args.prefill.clone(),
        depth: args.depth.clone(),
        tokens: args.tokens,
        sequences: args.sequences.clone(),
        repetitions: args.repetitions,
    })
}

/// Converts the error to one for which `failure` has the exit code and the next step. Usage errors
/// may come from the process of a measurement.
fn error(error: BenchError) -> anyhow::Error {
    match error {
        BenchError::Checkpoint(error) => error.into(),
        BenchError::Model(error) => GenerateError::Model(error).into(),
        // The options have the names of the fields.
        BenchError::InvalidOption { .. } => UsageError(format!("--{error}")).into(),
        BenchError::CaseFailed {
            exit_code: Some(code),
            ..
        } if code == i32::from(USAGE) => UsageError(error.to_string()).into(),
        error => error.into(),
    }
}
