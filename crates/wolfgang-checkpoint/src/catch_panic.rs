//! Panics of the libraries that parse files.

use crate::CheckpointError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Runs a library that parses the file at `path`. A panic becomes [`CheckpointError::Damaged`].
///
/// The values that `parse` uses must be dropped after a panic, because they may be inconsistent.
pub(crate) fn catch_panic<T>(path: &Path, parse: impl FnOnce() -> T) -> Result<T, CheckpointError> {
    catch_unwind(AssertUnwindSafe(parse))
        .map_err(|_| CheckpointError::damaged(path, "the format reader panicked"))
}
