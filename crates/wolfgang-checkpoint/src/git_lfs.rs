//! Files that git-lfs has not yet downloaded.
//!
//! A clone without git-lfs has a few lines of text in the place of each large file, which name its content.

use crate::CheckpointError;
use std::path::Path;

const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Refuses the content, or the beginning of the content, of the file at `path` if it is a pointer.
pub(crate) fn check(path: &Path, content: &[u8]) -> Result<(), CheckpointError> {
    if content.starts_with(POINTER) {
        return Err(CheckpointError::GitLfsPointer {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}
