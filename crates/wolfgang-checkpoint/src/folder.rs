//! Folders, told apart by what their `config.json` says they are.

use crate::contents::Contents;
use crate::{CheckpointError, huggingface, native};
use serde_json::Value as Json;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) const CONFIG: &str = "config.json";

/// Opens the folder at `path`.
pub(crate) fn open(path: &Path) -> Result<Contents, CheckpointError> {
    let foreign = |found: String| CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found,
    };
    let config_path = path.join(CONFIG);
    if !config_path.is_file() {
        return Err(foreign(format!("the folder has no {CONFIG}")));
    }
    let config = read_json(&config_path)?;
    match config["model_type"].as_str() {
        Some(native::MODEL_TYPE) => native::open(path, config),
        Some(huggingface::MODEL_TYPE) => huggingface::open(path, &config),
        _ => Err(foreign(format!(
            "its {CONFIG} has model_type {:.80} instead of {:?} or {:?}",
            config["model_type"].to_string(),
            native::MODEL_TYPE,
            huggingface::MODEL_TYPE
        ))),
    }
}

/// Reads one of a folder's small files.
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
