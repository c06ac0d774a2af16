//! Opens a folder in the format that its `config.json` names.

use crate::file_names::CONFIG;
use crate::json::{read_json, shown};
use crate::raw::RawCheckpoint;
use crate::{CheckpointError, file_kind, huggingface, native};
use std::path::Path;

/// Opens the folder at `path`.
pub(crate) fn open(path: &Path) -> Result<RawCheckpoint, CheckpointError> {
    let not_a_checkpoint = |found: String| CheckpointError::not_a_checkpoint(path, found);
    let config_path = path.join(CONFIG);
    if !config_path.is_file() {
        let other = file_kind::other_weights(path);
        return Err(other.unwrap_or_else(|| not_a_checkpoint(describe_without_config(path))));
    }
    let config = read_json(&config_path)?;
    if !config.is_object() {
        let found = format!("its {CONFIG} is {}, expected an object", shown(&config));
        return Err(not_a_checkpoint(found));
    }
    match config["model_type"].as_str() {
        Some(native::MODEL_TYPE) => native::open(path, config),
        Some(other) if huggingface::is_model_type(other) => huggingface::open(path, &config),
        _ => Err(not_a_checkpoint(format!(
            "its {CONFIG} has model_type {}, expected {:?} or one of {}",
            shown(&config["model_type"]),
            native::MODEL_TYPE,
            huggingface::model_types()
        ))),
    }
}

/// Describes a folder without a `config.json`, with the `.pt` and `.gguf` files that it contains.
fn describe_without_config(folder: &Path) -> String {
    const SHOWN: usize = 4;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut checkpoints: Vec<_> = names
        .filter(|name| name.ends_with(".pt") || file_kind::is_gguf(name))
        .collect();
    checkpoints.sort();
    let more = match checkpoints.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    checkpoints.truncate(SHOWN);
    match checkpoints.as_slice() {
        [] => format!(
            "the folder has no {CONFIG}; name a folder that has one, or a .pt or .gguf file"
        ),
        names => format!(
            "the folder has no {CONFIG}; name the file in it: {}{more}",
            names.join(", ")
        ),
    }
}
