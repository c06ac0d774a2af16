//! The native folder: `config.json` and `model.bpk`.

use crate::atomic_dir::StagingDir;
use crate::catch_panic::catch_panic;
use crate::file_names::{CONFIG, GENERATION_CONFIG, RECORD};
use crate::format::Format;
use crate::huggingface::SpecialIds;
use crate::mapped::Mapped;
use crate::raw::RawCheckpoint;
use crate::tensor::Tensor;
use crate::{CheckpointError, end_ids, file_kind, git_lfs};
use burn::tensor::Bytes;
use burn_pack::{Reader, Writer};
use serde_json::{Map, Value as Json, json};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// The `model_type` in the `config.json` of a native folder.
pub(crate) const MODEL_TYPE: &str = "wolfgang";

/// Whether a file with this beginning is a burn record.
pub(crate) fn is_record(start: &[u8]) -> bool {
    start.starts_with(&burn_pack::MAGIC_NUMBER.to_le_bytes())
}

/// Opens the folder at `path`. `config` is the content of its `config.json`.
pub(crate) fn open(path: &Path, config: Json) -> Result<RawCheckpoint, CheckpointError> {
    let record_path = path.join(RECORD);
    if !record_path.is_file() {
        let found = format!("the folder has no {RECORD}");
        return Err(file_kind::without_weights(path, found));
    }
    let map =
        Mapped::open(&record_path).map_err(|source| CheckpointError::read(record_path, source))?;
    let raw = parse(path, config, map.bytes())?;
    Ok(RawCheckpoint {
        maps: vec![map],
        ..raw
    })
}

/// Reads a native checkpoint from the contents of its two files. Tensors are views into `record`.
pub(crate) fn parse(
    path: &Path,
    config: Json,
    record: Bytes,
) -> Result<RawCheckpoint, CheckpointError> {
    let config_path = path.join(CONFIG);
    let named = end_ids::parse(&config_path, &config)?;
    let config = parse_config(&config_path, config)?;
    let (end_ids, skipped) =
        end_ids::split_by_vocabulary(named.unwrap_or_default(), config.vocab_size);
    let record_path = path.join(RECORD);
    git_lfs::check(&record_path, &record)?;
    let read = || Reader::from_bytes(record).and_then(Reader::into_tensors);
    let tensors =
        catch_panic(&record_path, read)?.map_err(|e| CheckpointError::damaged(record_path, e))?;
    let tensors = tensors
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor))
        .collect();
    Ok(RawCheckpoint {
        end_ids,
        skipped,
        ..RawCheckpoint::new(Format::Native, config, tensors)
    })
}

/// Deserialises the configuration of the model. Unknown fields are ignored.
pub(crate) fn parse_config(path: &Path, config: Json) -> Result<ModelConfig, CheckpointError> {
    serde_path_to_error::deserialize(config).map_err(|error| CheckpointError::Config {
        path: path.to_path_buf(),
        field: error.path().to_string(),
        source: error.into_inner(),
    })
}

/// Writes `config.json`, `model.bpk` and, if there are fields for it, `generation_config.json`.
pub(crate) fn write(
    staging: &StagingDir,
    config: &ModelConfig,
    end_ids: &[u32],
    sampling: &Map<String, Json>,
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let mut json = json!(config);
    json["model_type"] = MODEL_TYPE.into();
    // The id of the tokenizer ends a text in any case.
    let known = SpecialIds::from_folder(staging.path())?.end_of_text;
    if end_ids.iter().any(|&id| Some(u64::from(id)) != known) {
        json[end_ids::FIELD] = end_ids::to_json(end_ids);
    }
    staging.write(CONFIG, format!("{json:#}\n").as_bytes())?;
    if !sampling.is_empty() {
        let json = format!("{:#}\n", json!(sampling));
        staging.write(GENERATION_CONFIG, json.as_bytes())?;
    }
    Writer::new(tensors)
        .with_metadata("format", MODEL_TYPE)
        .write_to_file_in_place(staging.path().join(RECORD))
        .map_err(|e| staging.write_error(RECORD, e))
}
