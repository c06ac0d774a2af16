//! Files that git-lfs has not downloaded.
//!
//! In a clone without git-lfs, each large file is a pointer: a few lines of text with the hash of
//! the content.

use crate::CheckpointError;
use std::path::Path;

const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Refuses a pointer. `content` is the content of the file at `path`, or the beginning of it.
pub(crate) fn check(path: &Path, content: &[u8]) -> Result<(), CheckpointError> {
    if content.starts_with(POINTER) {
        return Err(CheckpointError::GitLfsPointer {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}
