//! Errors of benchmarks.

use crate::Configuration;
use wolfgang_checkpoint::CheckpointError;
use wolfgang_model::ModelError;

/// Error of a benchmark.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// An error of the checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An error of the model or the device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An option does not fit the model.
    #[error("{option} is {value}, but {reason}")]
    InvalidOption {
        /// Name of the field of [`BenchOptions`](crate::BenchOptions).
        option: &'static str,
        /// The value.
        value: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The process of a measurement failed.
    #[error("failed to measure {} in {}: {message}", .configuration.device, .configuration.precision)]
    CaseFailed {
        /// What was measured.
        configuration: Configuration,
        /// The last line that the process wrote to standard error.
        message: String,
        /// Its exit code, if it was not ended by a signal.
        exit_code: Option<i32>,
    },
    /// A file or a process could not be created.
    #[error("failed to {action}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// A case or its result could not be written or read as JSON.
    #[error("failed to {action}")]
    Json {
        /// What was attempted.
        action: &'static str,
        /// The reason.
        source: serde_json::Error,
    },
    /// The result of a measurement has no samples.
    #[error("the benchmark process returned no samples")]
    NoSamples,
}

impl BenchError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    pub(crate) fn json(action: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json { action, source }
    }
}
