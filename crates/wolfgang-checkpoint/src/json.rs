//! The small files of a folder.

use crate::CheckpointError;
use serde_json::Value as Json;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads one of them, if it is small.
pub(crate) fn read_json(path: &Path) -> Result<Json, CheckpointError> {
    /// Hundreds of times what the largest index of a Wolfgang-LM needs.
    const MAX: u64 = 16 << 20;
    let read = |source| CheckpointError::Read {
        path: path.to_path_buf(),
        source,
    };
    let damaged = |source| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source,
    };
    let mut json = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(MAX + 1).read_to_end(&mut json).map_err(read)?;
    if json.len() as u64 > MAX {
        return Err(damaged(format!("it has more than {MAX} bytes").into()));
    }
    serde_json::from_slice(&json).map_err(|e| damaged(e.into()))
}
