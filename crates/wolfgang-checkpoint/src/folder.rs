//! Folders, told apart by what their `config.json` says they are.

use crate::contents::Contents;
use crate::json::{read_json, shown};
use crate::layout::CONFIG;
use crate::{CheckpointError, file_kind, huggingface, native};
use std::path::Path;

/// Opens the folder at `path`.
pub(crate) fn open(path: &Path) -> Result<Contents, CheckpointError> {
    let foreign = |found: String| CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found,
    };
    let config_path = path.join(CONFIG);
    if !config_path.is_file() {
        let other = file_kind::other_weights(path);
        return Err(other.unwrap_or_else(|| foreign(format!("the folder has no {CONFIG}"))));
    }
    let config = read_json(&config_path)?;
    match config["model_type"].as_str() {
        Some(native::MODEL_TYPE) => native::open(path, config),
        Some(huggingface::MODEL_TYPE) => huggingface::open(path, &config),
        _ => Err(foreign(format!(
            "its {CONFIG} has model_type {} instead of {:?} or {:?}",
            shown(&config["model_type"]),
            native::MODEL_TYPE,
            huggingface::MODEL_TYPE
        ))),
    }
}
