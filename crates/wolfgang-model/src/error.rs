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
    #[error("{bytes} bytes are needed, which the system does not give")]
    NoMemory {
        /// Their size in memory.
        bytes: usize,
    },
    /// There cannot be so many threads.
    #[error("{threads} threads were asked for: {reason}")]
    NoThreads {
        /// How many.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// No device has such a name.
    #[error("there is no device {found:?}; devices are {expected}")]
    UnknownDevice {
        /// The name given.
        found: String,
        /// The names that there are.
        expected: &'static str,
    },
    /// A name is none of a precision.
    #[error("there is no precision {found:?}; precisions are {expected}")]
    UnknownPrecision {
        /// The name.
        found: String,
        /// The names that there are.
        expected: &'static str,
    },
    /// The program was built without any backend.
    #[error(
        "this program was built without a backend; its features flex, ndarray, wgpu, tch and cuda are backends"
    )]
    NoBackend,
    /// The device belongs to a backend that is not compiled in.
    #[error("{device} needs the feature {feature}, which this program was built without")]
    NotCompiledIn {
        /// The device's name.
        device: String,
        /// The Cargo feature that it needs.
        feature: &'static str,
    },
    /// The backend is there, but not the device.
    #[error("there is no {device} on this machine: {found}")]
    NoDevice {
        /// The device's name.
        device: String,
        /// What the backend finds, as the rest of a sentence.
        found: String,
    },
    /// The device is there, but does not work.
    #[error("{device} does not work: {message}")]
    DeviceFails {
        /// The device's name.
        device: String,
        /// What the backend said.
        message: String,
    },
    /// The device does not compute in this precision.
    #[error("this device does not compute in {precision}; it supports {supported}")]
    UnsupportedPrecision {
        /// The precision asked for.
        precision: Precision,
        /// Those that it supports.
        supported: String,
    },
    /// The device does not keep the cache in this precision.
    #[error("the cache cannot be kept in {precision} here, only in {supported}")]
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
    #[error("got no ids, but logits need at least one")]
    NoIds,
    /// An id lies beyond the vocabulary.
    #[error("id {id} at position {position} lies beyond the vocabulary of {vocab_size}")]
    UnknownId {
        /// The id.
        id: u32,
        /// Where it stands in the ids given.
        position: usize,
        /// Size of the vocabulary; ids lie below it.
        vocab_size: usize,
    },
    /// More ids than the model has positions.
    #[error("{past} cached and {new} new ids exceed the block size of {block_size}")]
    ContextFull {
        /// Positions already in the cache.
        past: usize,
        /// Ids given.
        new: usize,
        /// Positions that the model has.
        block_size: usize,
    },
    /// The cache was made for a model of another shape.
    #[error(
        "the cache was made for another model: it has {found}, but this model needs {expected}"
    )]
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
            message: line.unwrap_or("it did not say why").to_owned(),
        }
    }
}
