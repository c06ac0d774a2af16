//! The native folder: `config.json` and `model.bpk`.

use crate::atomic_dir::StagingDir;
use crate::contained::contained;
use crate::huggingface::SpecialIds;
use crate::json::read_json;
use crate::layout::{CONFIG, RECORD, TOKENIZER};
use crate::mapped::Mapped;
use crate::raw::{Format, RawCheckpoint};
use crate::weights::Tensor;
use crate::{CheckpointError, end_ids, file_kind, git_lfs};
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
pub(crate) fn open(path: &Path, config: Json) -> Result<RawCheckpoint, CheckpointError> {
    let record_path = path.join(RECORD);
    if !record_path.is_file() {
        return Err(file_kind::other_weights(path).unwrap_or_else(|| {
            CheckpointError::NotACheckpoint {
                path: path.to_path_buf(),
                found: format!("the folder has no {RECORD}"),
            }
        }));
    }
    let map = Mapped::open(&record_path).map_err(|source| CheckpointError::Read {
        path: record_path,
        source,
    })?;
    let contents = parse(path, config, map.bytes())?;
    Ok(RawCheckpoint {
        maps: vec![map],
        ..contents
    })
}

/// Reads the two parts of a native checkpoint. Tensors are views into `record`.
pub(crate) fn parse(
    path: &Path,
    config: Json,
    record: Bytes,
) -> Result<RawCheckpoint, CheckpointError> {
    let config_path = path.join(CONFIG);
    let named = end_ids::parse(&config_path, &config)?;
    let config = parse_config(&config_path, config)?;
    let (end_ids, skipped) = end_ids::within(named.unwrap_or_default(), config.vocab_size);
    let record_path = path.join(RECORD);
    git_lfs::check(&record_path, &record)?;
    let read = || Reader::from_bytes(record).and_then(Reader::into_tensors);
    let tensors = contained(&record_path, read)?.map_err(|e| CheckpointError::Damaged {
        path: record_path,
        source: e.into(),
    })?;
    let tensors = tensors
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();
    Ok(RawCheckpoint {
        format: Format::Native,
        config,
        tensors,
        end_ids,
        skipped,
        unsupported: BTreeMap::new(),
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
    staging: &StagingDir,
    config: &ModelConfig,
    end_ids: &[u32],
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let mut json = json!(config);
    json["model_type"] = MODEL_TYPE.into();
    // The tokenizer names this id without the file.
    let tokenizer = staging.path().join(TOKENIZER);
    let known = match tokenizer.is_file() {
        true => SpecialIds::of(&read_json(&tokenizer)?).end_of_text,
        false => None,
    };
    if end_ids.iter().any(|&id| Some(u64::from(id)) != known) {
        json[end_ids::FIELD] = end_ids::to_json(end_ids);
    }
    staging.write(CONFIG, format!("{json:#}\n").as_bytes())?;
    Writer::new(tensors)
        .with_metadata("format", MODEL_TYPE)
        .write_to_file_in_place(staging.path().join(RECORD))
        .map_err(|e| staging.failed(RECORD, e))
}
