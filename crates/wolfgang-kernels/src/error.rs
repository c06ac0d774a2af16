//! Errors of the kernels.

use std::sync::Arc;

/// Error of allocating memory or starting threads.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// Memory could not be allocated.
    #[error("failed to allocate {bytes} bytes")]
    NoMemory {
        /// Size of the allocation in bytes.
        bytes: usize,
    },
    /// The number of threads exceeds the maximum.
    #[error("{threads} threads were requested, but the maximum is {limit}")]
    TooManyThreads {
        /// Number of threads requested.
        threads: usize,
        /// Maximum number of threads.
        limit: usize,
    },
    /// The threads could not be started.
    #[error("failed to start {threads} threads")]
    NoThread {
        /// Number of threads requested.
        threads: usize,
        /// The error of the system.
        source: Arc<std::io::Error>,
    },
}
