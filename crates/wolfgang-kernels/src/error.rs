//! What can go wrong with arithmetic: there may be no place for it.

use std::sync::Arc;

/// Why there is no place to compute.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The system does not give the memory.
    #[error("{bytes} bytes are needed, which the system does not give")]
    NoMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// More threads than there is any use for.
    #[error("{threads} threads were asked for, at most {limit} are possible")]
    TooManyThreads {
        /// How many were asked for.
        threads: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The system does not give the threads.
    #[error("{threads} threads were asked for, but the system does not give them")]
    NoThread {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
}
