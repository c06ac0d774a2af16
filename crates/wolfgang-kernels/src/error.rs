//! What can go wrong with arithmetic: there may be no place for it.

use std::sync::Arc;

/// Why there is no place to compute.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The system does not give the memory.
    #[error("the weights need {bytes} bytes, which the system does not give")]
    NoMemory {
        /// How much was asked for.
        bytes: usize,
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
