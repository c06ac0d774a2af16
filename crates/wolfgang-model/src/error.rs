//! What can go wrong between ids and logits.

use crate::Precision;

/// Why a model could not be made or not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of the configuration has an impossible value.
    #[error("config field {field} is {value}, but {rule}")]
    InvalidConfig {
        /// The field's name in `config.json` and in the checkpoint.
        field: &'static str,
        /// The value found.
        value: usize,
        /// What is allowed, as the rest of a sentence.
        rule: String,
    },
    /// The system does not give the memory that the weights or a cache need.
    #[error("failed to allocate {bytes} bytes")]
    NoMemory {
        /// Their size in memory.
        bytes: usize,
    },
    /// There cannot be so many threads.
    #[error("failed to start {threads} threads: {reason}")]
    NoThreads {
        /// How many.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// No device has such a name.
    #[error("unknown device {found:?}; expected one of {expected}")]
    UnknownDevice {
        /// The name given.
        found: String,
        /// The names that there are.
        expected: &'static str,
    },
    /// The program was built without any backend.
    #[error(
        "this program was built without a backend; enable one of the Cargo features flex, ndarray, wgpu, tch and cuda"
    )]
    NoBackend,
    /// The device belongs to a backend that is not compiled in.
    #[error(
        "device {device} requires the Cargo feature {feature}, which is not enabled in this build"
    )]
    NotCompiledIn {
        /// The device's name.
        device: String,
        /// The Cargo feature that it needs.
        feature: &'static str,
    },
    /// The backend is there, but not the device.
    #[error("device {device} was not found on this machine: {found}")]
    NoDevice {
        /// The device's name.
        device: String,
        /// What the backend finds, as the rest of a sentence.
        found: String,
    },
    /// The device is there, but does not work.
    #[error("device {device} failed its self-test: {message}")]
    DeviceFails {
        /// The device's name.
        device: String,
        /// What the backend said.
        message: String,
    },
    /// The device does not compute in this precision.
    #[error("precision {precision} is not supported on this device; supported: {supported}")]
    UnsupportedPrecision {
        /// The precision asked for.
        precision: Precision,
        /// Those that it supports.
        supported: String,
    },
    /// The device does not keep the cache in this precision.
    #[error("the KV cache cannot be stored in {precision} on this device; supported: {supported}")]
    UnsupportedCache {
        /// The precision asked for.
        precision: Precision,
        /// Those that are possible.
        supported: String,
    },
    /// The backend failed at its work: a driver, its memory, a kernel.
    #[error("the backend failed: {message}")]
    Backend {
        /// What it said, in one line.
        message: String,
    },
    /// There is nothing to compute logits for.
    #[error("got no token ids, but at least one is required")]
    NoIds,
    /// An id lies beyond the vocabulary.
    #[error(
        "token id {id} at position {position} is outside the vocabulary of {vocab_size} tokens"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// Where it stands in the ids given.
        position: usize,
        /// Size of the vocabulary; ids lie below it.
        vocab_size: usize,
    },
    /// More ids than the model has positions.
    #[error("{past} cached and {new} new token ids exceed the context of {block_size} tokens")]
    ContextFull {
        /// Positions already in the cache.
        past: usize,
        /// Ids given.
        new: usize,
        /// Positions that the model has.
        block_size: usize,
    },
    /// The cache was made for a model of another shape.
    #[error("the KV cache does not match this model: it has {found}, expected {expected}")]
    CacheMismatch {
        /// The shape the cache has.
        found: String,
        /// The shape this model needs.
        expected: String,
    },
}

impl ModelError {
    /// The first line of what a backend said.
    pub(crate) fn backend(said: impl ToString) -> Self {
        let said = said.to_string();
        let line = said.lines().map(str::trim).find(|line| !line.is_empty());
        Self::Backend {
            message: line.unwrap_or("no error message").to_owned(),
        }
    }
}
