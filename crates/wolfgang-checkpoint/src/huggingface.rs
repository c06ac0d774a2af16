//! Hugging Face folders of the Llama family: Llama, Mistral, Qwen2 and Qwen3.
//!
//! A folder has a `config.json` and either `model.safetensors` or several such files with an index.
//! A configuration that the model cannot compute is refused; the error names the field.

mod config;
mod export;
mod family;
mod names;
mod rows;
mod special;

pub(crate) use export::write;
pub(crate) use family::{is_model_type, model_types};
pub(crate) use names::llama_name;
pub(crate) use rows::{interleaved, is_rotated};
pub(crate) use special::SpecialIds;

use crate::catch_panic::catch_panic;
use crate::file_names::{CONFIG, INDEX, SINGLE};
use crate::format::Format;
use crate::json::{read_json, shown};
use crate::mapped::Mapped;
use crate::raw::{RawCheckpoint, Skipped};
use crate::tensor::Tensor;
use crate::wrappers::unwrapped;
use crate::{CheckpointError, end_ids, file_kind, git_lfs};
use burn::tensor::{Bytes, DType};
use names::original_name;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// Opens the folder at `path`. `config` is the content of its `config.json`.
pub(crate) fn open(path: &Path, config: &Json) -> Result<RawCheckpoint, CheckpointError> {
    // generation_config.json takes precedence, as in the transformers library.
    let end_ids = match end_ids::from_generation_config(path)? {
        Some(end_ids) => Some(end_ids),
        None => end_ids::parse(&path.join(CONFIG), config)?,
    };
    let config = config::parse(path, config)?;
    let (end_ids, mut skipped) =
        end_ids::split_by_vocabulary(end_ids.unwrap_or_default(), config.vocab_size);
    let mut tensors = BTreeMap::new();
    let mut maps = Vec::new();
    for file in files(path)? {
        let file = path.join(file);
        let map = Mapped::open(&file).map_err(|source| CheckpointError::read(&file, source))?;
        let in_file = read_file(&file, &map.bytes(), &config)?;
        maps.push(map);
        for tensor in in_file {
            // Old exports contain the frequencies of the rotary embedding.
            if tensor.name.ends_with(".rotary_emb.inv_freq") {
                skipped.push(Skipped {
                    name: tensor.name,
                    reason: "computed, not learned",
                });
            } else if let Some(other) = tensors.insert(tensor.name.clone(), tensor) {
                let found = format!("it contains {:.80} twice", other.name);
                return Err(CheckpointError::not_a_checkpoint(path, found));
            }
        }
    }
    Ok(RawCheckpoint {
        end_ids,
        skipped,
        maps,
        ..RawCheckpoint::new(Format::HuggingFace, config, tensors)
    })
}

/// Returns the names of the files with the weights.
pub(crate) fn files(path: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    if path.join(SINGLE).is_file() {
        return Ok(BTreeSet::from([SINGLE.to_owned()]));
    }
    let not_a_checkpoint = |found: String| CheckpointError::not_a_checkpoint(path, found);
    let index_path = path.join(INDEX);
    if !index_path.is_file() {
        let found = format!("the folder has neither {SINGLE} nor {INDEX}");
        return Err(file_kind::without_weights(path, found));
    }
    let index = read_json(&index_path)?;
    let Some(names) = index["weight_map"].as_object() else {
        return Err(not_a_checkpoint(format!("its {INDEX} has no weight_map")));
    };
    let file_name = |file: &Json| match file.as_str() {
        // Not a path: an index must not name a file outside of its folder.
        Some(file) if Path::new(file).file_name() == Some(file.as_ref()) => Ok(file.to_owned()),
        _ => Err(not_a_checkpoint(format!(
            "its {INDEX} names the file {}",
            shown(file)
        ))),
    };
    names.values().map(file_name).collect()
}

/// Reads the tensors of one file. Names, and the order of rows in queries and keys, become those of
/// the original.
fn read_file(
    path: &Path,
    bytes: &Bytes,
    config: &ModelConfig,
) -> Result<Vec<Tensor>, CheckpointError> {
    git_lfs::check(path, bytes)?;
    // This also compares the header with the length of the file.
    let (header, metadata) = catch_panic(path, || SafeTensors::read_metadata(bytes))?
        .map_err(|e| CheckpointError::damaged(path, e))?;
    let data = 8 + header;
    let to_tensor = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let bytes = bytes
            .view(data + start, data + end)
            .map_err(|e| CheckpointError::damaged(path, format!("{e:?}")))?;
        let name = original_name(&unwrapped(&name)).unwrap_or(name);
        let dtype = burn_dtype(info.dtype).ok_or_else(|| {
            let found = format!("its {name} has the unsupported dtype {:?}", info.dtype);
            CheckpointError::not_a_checkpoint(path, found)
        })?;
        let tensor = Tensor::new(name, dtype, info.shape.clone(), None, bytes);
        Ok(if is_rotated(&tensor.name) {
            interleaved(tensor, config.head_dim())
        } else {
            tensor
        })
    };
    metadata.tensors().into_iter().map(to_tensor).collect()
}

fn burn_dtype(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::U8 => DType::U8,
        _ => return None,
    })
}
