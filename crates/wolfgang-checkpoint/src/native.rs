//! The native folder: `config.json` and `model.bpk`.

use crate::CheckpointError;
use crate::contents::{Contents, Format};
use crate::weights::Tensor;
use burn::tensor::{AllocationProperty, Bytes};
use burn_pack::{Reader, Writer};
use serde_json::{Value as Json, json};
use std::fs::File;
use std::path::Path;
use wolfgang_model::ModelConfig;

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const RECORD: &str = "model.bpk";

/// The field that tells this `config.json` from others, and its value.
const MODEL_TYPE: (&str, &str) = ("model_type", "wolfgang");

/// Whether a file that begins like this is a burn record.
pub(crate) fn is_record(start: &[u8]) -> bool {
    start.starts_with(&burn_pack::MAGIC_NUMBER.to_le_bytes())
}

/// Opens the folder at `path`.
pub(crate) fn open(path: &Path) -> Result<Contents, CheckpointError> {
    for name in [CONFIG, RECORD] {
        if !path.join(name).is_file() {
            return Err(CheckpointError::NotACheckpoint {
                path: path.to_path_buf(),
                found: format!("the folder has no {name}"),
            });
        }
    }
    let config_path = path.join(CONFIG);
    let config = std::fs::read(&config_path).map_err(|source| CheckpointError::Read {
        path: config_path,
        source,
    })?;
    let record_path = path.join(RECORD);
    let record = map(&record_path).map_err(|source| CheckpointError::Read {
        path: record_path,
        source,
    })?;
    parse(path, &config, record)
}

/// Reads the two parts of a native checkpoint. Tensors are views into `record`.
pub(crate) fn parse(
    path: &Path,
    config: &[u8],
    record: Bytes,
) -> Result<Contents, CheckpointError> {
    let config_path = path.join(CONFIG);
    let config: Json = serde_json::from_slice(config).map_err(|e| CheckpointError::Damaged {
        path: config_path.clone(),
        source: e.into(),
    })?;
    let (field, expected) = MODEL_TYPE;
    if config[field] != expected {
        return Err(CheckpointError::NotACheckpoint {
            path: path.to_path_buf(),
            found: format!(
                "its {CONFIG} has {field} {} instead of {expected:?}",
                config[field]
            ),
        });
    }
    let config = parse_config(&config_path, config)?;
    let tensors = Reader::from_bytes(record)
        .and_then(Reader::into_tensors)
        .map_err(|e| CheckpointError::Damaged {
            path: path.join(RECORD),
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
        skipped: Vec::new(),
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

/// Writes `config.json` and `model.bpk` into the folder at `path`.
pub(crate) fn write(
    path: &Path,
    config: &ModelConfig,
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let failed = |name: &str, source| CheckpointError::Write {
        path: path.join(name),
        source,
    };
    let mut json = json!(config);
    json[MODEL_TYPE.0] = MODEL_TYPE.1.into();
    std::fs::write(path.join(CONFIG), format!("{json:#}\n"))
        .map_err(|e| failed(CONFIG, e.into()))?;
    Writer::new(tensors)
        .with_metadata("format", MODEL_TYPE.1)
        .write_to_file(path.join(RECORD))
        .map_err(|e| failed(RECORD, e.into()))
}

/// The contents of a file, read as they are used.
fn map(path: &Path) -> std::io::Result<Bytes> {
    let file = File::open(path)?;
    // SAFETY: a mapping is sound as long as nobody shortens or overwrites the file while it is in use. Conversions write
    // beside and rename, and `weights::read` copies what it takes, so that use ends with the loading.
    #[expect(unsafe_code)]
    let map = unsafe { memmap2::Mmap::map(&file)? };
    Ok(Bytes::from_shared(
        bytes::Bytes::from_owner(map),
        AllocationProperty::File,
    ))
}
