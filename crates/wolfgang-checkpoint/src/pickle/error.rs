//! Errors of reading a pickle.

use crate::CheckpointError;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PickleError {
    #[error("the pickle ends unexpectedly")]
    Truncated,
    #[error("the pickle exceeds the limit of values or memory")]
    TooLarge,
    #[error("the pickle has the unknown opcode {0:#04x}")]
    Opcode(u8),
    #[error("its pickle uses the opcode {0} of protocol {1}")]
    Unsupported(&'static str, u8),
    #[error("the pickle is malformed")]
    Malformed,
    /// Python would call this function.
    #[error("it would call {0}")]
    Call(String),
}

impl PickleError {
    /// Converts the error for a pickle in the file at `path`.
    pub(crate) fn at(self, path: &Path) -> CheckpointError {
        match self {
            Self::Call(callable) => CheckpointError::UnsafePickle {
                path: path.to_path_buf(),
                callable,
            },
            Self::Unsupported(..) => CheckpointError::unsupported_format(path, self.to_string()),
            error => CheckpointError::damaged(path, error),
        }
    }
}

pub(super) type Result<T = (), E = PickleError> = std::result::Result<T, E>;
