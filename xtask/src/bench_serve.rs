//! `cargo xtask bench-serve`: `wolfgang serve` compared with llama-server, and under more load than
//! it can take.

mod comparison;
mod idle;
mod load;
mod overload;
mod servers;
mod slow_headers;

use crate::processor::processor;
use crate::release_build::with_release_build;
use servers::Servers;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The standard shape (75M) with random weights. Needs a Python with gguf and numpy; without
/// llama-server, nothing is compared. Close other programs: they take part in the result. The
/// clients run on the same processor as the servers.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// That Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// llama-server
    #[arg(long, value_name = "PATH")]
    llama_server: Option<PathBuf>,

    /// The `wolfgang` program to measure. Without it, this program
    #[arg(long, value_name = "PATH")]
    wolfgang: Option<PathBuf>,

    /// Threads that compute
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroUsize,

    /// Element types of the weights; llama-server has q8_0 for int8
    #[arg(
        long = "dtype",
        value_name = "DTYPE,...",
        value_delimiter = ',',
        default_value = "f32,int8",
        value_parser = clap::builder::PossibleValuesParser::new(["f32", "int8"])
    )]
    dtypes: Vec<String>,

    /// Numbers of clients, each of which sends its next request after the answer
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "1,8,32"
    )]
    clients: Vec<usize>,

    /// How often each is measured, in turn
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: NonZeroUsize,

    /// Seconds of the overload
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds)]
    overload: Duration,

    /// What is measured
    #[arg(
        long,
        value_name = "PART,...",
        value_delimiter = ',',
        default_value = "comparison,idle,overload,slow-headers"
    )]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Throughput and latency, next to llama-server; `/health` meanwhile
    Comparison,
    /// Processor time without requests
    Idle,
    /// Ten times the requests that the server can answer
    Overload,
    /// 1000 connections that do not complete a request
    SlowHeaders,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_release_build(&[], true, Path::new(""), || measure(args))
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let servers = Servers::new(args)?;
    print_line(&format!("{}, {} threads", processor(), args.threads))?;
    for part in &args.parts {
        match part {
            Part::Comparison => comparison::measure(args, &servers)?,
            Part::Idle => idle::measure(&servers)?,
            Part::Overload => overload::measure(&servers, args.overload)?,
            Part::SlowHeaders => slow_headers::measure(&servers, args.rounds.get())?,
        }
    }
    Ok(())
}

fn print_line(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
