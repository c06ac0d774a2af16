//! Errors of models and devices.

use crate::Precision;

/// Error of creating or running a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field of the configuration has an invalid value.
    #[error("config field {field} is {value}, but {rule}")]
    InvalidConfig {
        /// The field's name in `config.json` and in the checkpoint.
        field: &'static str,
        /// The value found.
        value: usize,
        /// The valid values, as the rest of a sentence.
        rule: String,
    },
    /// A field of the configuration that is not an integer has an invalid value.
    #[error("config field {field} is {value}, but {rule}")]
    InvalidConfigNumber {
        /// The field's name in `config.json` and in the checkpoint.
        field: &'static str,
        /// The value found.
        value: String,
        /// The valid values, as the rest of a sentence.
        rule: String,
    },
    /// Memory for weights or a KV cache could not be allocated.
    #[error("failed to allocate {bytes} bytes")]
    NoMemory {
        /// Size of the allocation in bytes.
        bytes: usize,
    },
    /// The threads could not be started.
    #[error("failed to start {threads} threads: {reason}")]
    NoThreads {
        /// Number of threads requested.
        threads: usize,
        /// The reason.
        reason: String,
    },
    /// The device name is unknown.
    #[error("unknown device {found:?}; expected one of {expected}")]
    UnknownDevice {
        /// The name given.
        found: String,
        /// The valid names.
        expected: &'static str,
    },
    /// The name of a precision is unknown.
    #[error("{found:?} is not a precision: expected {expected}")]
    UnknownPrecision {
        /// The name.
        found: String,
        /// The names of the precisions.
        expected: &'static str,
    },
    /// No backend is compiled in.
    #[error(
        "this program was built without a backend; enable one of the Cargo features flex, ndarray, wgpu, tch and cuda"
    )]
    NoBackend,
    /// The backend of the device is not compiled in.
    #[error(
        "device {device} requires the Cargo feature {feature}, which is not enabled in this build"
    )]
    NotCompiledIn {
        /// The device's name.
        device: String,
        /// The Cargo feature that enables the backend.
        feature: &'static str,
    },
    /// The backend does not find the device.
    #[error("device {device} was not found on this machine: {found}")]
    NoDevice {
        /// The device's name.
        device: String,
        /// The devices that the backend finds, or its requirements.
        found: String,
    },
    /// The device failed its self-test.
    #[error("device {device} failed its self-test: {message}")]
    DeviceFails {
        /// The device's name.
        device: String,
        /// The error of the backend.
        message: String,
    },
    /// The device does not support the precision.
    #[error("precision {precision} is not supported on this device; supported: {supported}")]
    UnsupportedPrecision {
        /// The precision requested.
        precision: Precision,
        /// The supported precisions.
        supported: String,
    },
    /// The device does not support the precision of the KV cache.
    #[error("the KV cache cannot be stored in {precision} on this device; supported: {supported}")]
    UnsupportedCache {
        /// The precision requested.
        precision: Precision,
        /// The supported precisions.
        supported: String,
    },
    /// The backend failed, for example a driver, an allocation or a kernel.
    #[error("the backend failed: {message}")]
    Backend {
        /// The first line of its error.
        message: String,
    },
    /// No token ids were given.
    #[error("got no token ids, but at least one is required")]
    NoIds,
    /// A token id is outside the vocabulary.
    #[error(
        "token id {id} at position {position} is outside the vocabulary of {vocab_size} tokens"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// Its index in the ids given.
        position: usize,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// The ids do not fit into the context.
    #[error("{past} cached and {new} new token ids exceed the context of {block_size} tokens")]
    ContextFull {
        /// Number of cached positions.
        past: usize,
        /// Number of ids given.
        new: usize,
        /// Context length of the model.
        block_size: usize,
    },
    /// [`ModelOptions::context`](crate::ModelOptions::context) exceeds the context of the model.
    #[error(
        "the context is limited to {context} tokens, but that of the model is only {block_size}"
    )]
    ContextTooLong {
        /// The limit given.
        context: usize,
        /// Context length of the model.
        block_size: usize,
    },
    /// The KV cache was created for a model of another shape.
    #[error("the KV cache does not match this model: it has {found}, expected {expected}")]
    CacheMismatch {
        /// The shape of the cache.
        found: String,
        /// The shape that the model requires.
        expected: String,
    },
}

impl ModelError {
    /// Creates an error with the first line of a message of the backend.
    pub(crate) fn backend(message: impl ToString) -> Self {
        let message = message.to_string();
        let line = message.lines().map(str::trim).find(|line| !line.is_empty());
        Self::Backend {
            message: line.unwrap_or("no error message").to_owned(),
        }
    }
}
