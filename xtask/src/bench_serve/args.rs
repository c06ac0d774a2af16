//! The arguments of `cargo xtask bench-serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// The standard shape (75M) with random weights. Needs a Python with gguf and numpy; without
/// llama-server, nothing is compared. Close other programs: they take part in the result. The
/// clients run on the same processor as the servers.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// That Python
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub(super) python: PathBuf,

    /// llama-server, built from the source in the Python package llama-cpp-python: `cmake -B build
    /// -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DGGML_NATIVE=ON`
    #[arg(long, value_name = "PATH")]
    pub(super) llama_server: Option<PathBuf>,

    /// The `wolfgang` program to measure. Without it, this program
    #[arg(long, value_name = "PATH")]
    pub(super) wolfgang: Option<PathBuf>,

    /// Threads that compute
    #[arg(long, value_name = "N", default_value = "2")]
    pub(super) threads: NonZeroUsize,

    /// Element types of the weights; llama-server has q8_0 for int8
    #[arg(
        long = "dtype",
        value_name = "DTYPE,...",
        value_delimiter = ',',
        default_value = "f32,int8",
        value_parser = clap::builder::PossibleValuesParser::new(["f32", "int8"])
    )]
    pub(super) dtypes: Vec<String>,

    /// Numbers of clients, each of which sends its next request after the answer
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "1,8,32"
    )]
    pub(super) clients: Vec<usize>,

    /// How often each is measured, in turn
    #[arg(long, value_name = "N", default_value = "3")]
    pub(super) rounds: NonZeroUsize,

    /// Seconds of the overload
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds)]
    pub(super) overload: Duration,

    /// What is measured
    #[arg(
        long,
        value_name = "PART,...",
        value_delimiter = ',',
        default_value = "comparison,idle,overload,slow-headers"
    )]
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Part {
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
