//! Folders, told apart by what their `config.json` says they are.

use crate::contents::Contents;
use crate::{CheckpointError, huggingface, native};
use serde_json::Value as Json;
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
    let config = std::fs::read(&config_path).map_err(|source| CheckpointError::Read {
        path: config_path.clone(),
        source,
    })?;
    let config: Json = serde_json::from_slice(&config).map_err(|e| CheckpointError::Damaged {
        path: config_path,
        source: e.into(),
    })?;
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
