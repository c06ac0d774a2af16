//! What can go wrong with arithmetic: there may be no place for it.

use std::sync::Arc;

/// Why there is no place to compute.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The system does not give the memory.
    #[error("failed to allocate {bytes} bytes")]
    NoMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// More threads than there is any use for.
    #[error("{threads} threads were requested, but the maximum is {limit}")]
    TooManyThreads {
        /// How many were asked for.
        threads: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The system does not give the threads.
    #[error("failed to start {threads} threads")]
    NoThread {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}
