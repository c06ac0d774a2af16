//! The native folder: `config.json` and `model.bpk`.

use crate::CheckpointError;
use crate::contained::contained;
use crate::contents::{Contents, Format};
use crate::layout::{CONFIG, RECORD};
use crate::mapped::Mapped;
use crate::replace::Scratch;
use crate::weights::Tensor;
use burn::tensor::Bytes;
use burn_pack::{Reader, Writer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use wolfgang_model::ModelConfig;

/// What `config.json` says that this is.
pub(crate) const MODEL_TYPE: &str = "wolfgang";

/// Whether a file that begins like this is a burn record.
pub(crate) fn is_record(start: &[u8]) -> bool {
    start.starts_with(&burn_pack::MAGIC_NUMBER.to_le_bytes())
}

/// Opens the folder at `path`, whose `config.json` says `config`.
pub(crate) fn open(path: &Path, config: Json) -> Result<Contents, CheckpointError> {
    let record_path = path.join(RECORD);
    if !record_path.is_file() {
        return Err(CheckpointError::NotACheckpoint {
            path: path.to_path_buf(),
            found: format!("the folder has no {RECORD}"),
        });
    }
    let map = Mapped::open(&record_path).map_err(|source| CheckpointError::Read {
        path: record_path,
        source,
    })?;
    let contents = parse(path, config, map.bytes())?;
    Ok(Contents {
        maps: vec![map],
        ..contents
    })
}

/// Reads the two parts of a native checkpoint. Tensors are views into `record`.
pub(crate) fn parse(path: &Path, config: Json, record: Bytes) -> Result<Contents, CheckpointError> {
    let config = parse_config(&path.join(CONFIG), config)?;
    let record_path = path.join(RECORD);
    let read = || Reader::from_bytes(record).and_then(Reader::into_tensors);
    let tensors = contained(&record_path, read)?.map_err(|e| CheckpointError::Damaged {
        path: record_path,
        source: e.into(),
    })?;
    let tensors = tensors
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();
    Ok(Contents {
        format: Format::Native,
        config,
        tensors,
        unsupported: BTreeMap::new(),
        skipped: Vec::new(),
        unread_classes: Vec::new(),
        maps: Vec::new(),
    })
}

/// The configuration among the fields of `config`.
pub(crate) fn parse_config(path: &Path, config: Json) -> Result<ModelConfig, CheckpointError> {
    serde_path_to_error::deserialize(config).map_err(|error| CheckpointError::Config {
        path: path.to_path_buf(),
        field: error.path().to_string(),
        source: error.into_inner(),
    })
}

/// Writes `config.json` and `model.bpk`.
pub(crate) fn write(
    scratch: &Scratch,
    config: &ModelConfig,
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let mut json = json!(config);
    json["model_type"] = MODEL_TYPE.into();
    scratch.write(CONFIG, format!("{json:#}\n").as_bytes())?;
    Writer::new(tensors)
        .with_metadata("format", MODEL_TYPE)
        .write_to_file_in_place(scratch.path().join(RECORD))
        .map_err(|e| scratch.failed(RECORD, e))
}
