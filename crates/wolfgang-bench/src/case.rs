//! A measurement in a separate process, and its results.

use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wolfgang_model::{DeviceName, Precision};

/// What a [`BenchReport`](crate::BenchReport) is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Configuration {
    /// The device that was found for a name of [`BenchOptions`](crate::BenchOptions).
    pub device: DeviceName,
    /// Element type of the weights.
    pub precision: Precision,
    /// Number of threads of the CPU kernels. `None` for one per core, and for other devices.
    pub threads: Option<NonZeroUsize>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) model: PathBuf,
    pub(crate) configuration: Configuration,
    pub(crate) measurement: Measurement,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Measurement {
    /// Gives a [`LoadTime`].
    LoadTime { prompt_tokens: usize },
    /// Gives [`ThroughputSamples`].
    Throughput(Workload),
}

/// What is measured of a loaded model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// Lengths of prompts.
    pub(crate) prefill: Vec<usize>,
    /// Positions at which decoding starts, in ascending order.
    pub(crate) depth: Vec<usize>,
    /// Number of tokens to decode from each position.
    pub(crate) tokens: usize,
    /// Batch sizes of decoding.
    pub(crate) sequences: Vec<usize>,
    /// The element of `depth` at which batches start.
    pub(crate) batch_depth: usize,
    /// Number of measurements, after one that is not counted.
    pub(crate) repetitions: usize,
}

/// Times and memory from the start of a process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LoadTime {
    pub(crate) load_seconds: f64,
    pub(crate) first_token_seconds: f64,
    pub(crate) peak_memory_bytes: Option<u64>,
}

/// One sample per repetition of everything in a [`Workload`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ThroughputSamples {
    /// Number of threads of the CPU kernels.
    pub(crate) threads: Option<usize>,
    /// Instruction set of the CPU kernels.
    pub(crate) instructions: Option<String>,
    pub(crate) weight_bytes: usize,
    /// Bytes per second.
    pub(crate) bandwidth: Vec<f64>,
    /// Multiply-adds per second.
    pub(crate) peak_fma: Vec<f64>,
    /// Tokens per second, for each length of a prompt.
    pub(crate) prefill: Vec<(usize, Vec<f64>)>,
    /// Tokens per second, for each position.
    pub(crate) decode: Vec<(usize, Vec<f64>)>,
    /// The position at which batches start.
    pub(crate) batch_depth: usize,
    /// Tokens per second of the whole batch, for each batch size.
    pub(crate) batch: Vec<(usize, Vec<f64>)>,
    /// Seconds of each operation for one token, at the last position.
    pub(crate) ops: Vec<(String, f64)>,
    /// The same for the longest prompt, per token.
    pub(crate) prefill_ops: Vec<(String, f64)>,
}
