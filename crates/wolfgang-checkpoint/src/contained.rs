//! Panics of the libraries that read foreign formats.

use crate::CheckpointError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Runs `read`, which gives bytes from strangers to a library. Should the library panic, the file is damaged.
///
/// Nothing outlives the panic but the error, so that no value can be seen half-changed.
pub(crate) fn contained<T>(path: &Path, read: impl FnOnce() -> T) -> Result<T, CheckpointError> {
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: "the format reader panicked".into(),
    })
}
