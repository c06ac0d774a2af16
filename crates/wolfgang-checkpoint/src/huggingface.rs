//! Hugging Face folders: the same model exported as a `LlamaForCausalLM`.
//!
//! `config.json`, and `model.safetensors` or several such files with an index. Everything in which a Llama can differ
//! from a Wolfgang-LM is checked and, where it differs, refused by the name of its field.

mod config;
mod export;
mod names;
mod rows;
mod special;

pub(crate) use export::write;
pub(crate) use names::llama_name;
pub(crate) use special::SpecialIds;

use crate::contained::contained;
use crate::json::{read_json, shown};
use crate::layout::{CONFIG, INDEX, SINGLE};
use crate::mapped::Mapped;
use crate::raw::{Format, RawCheckpoint, Skipped};
use crate::weights::Tensor;
use crate::wrappers::unwrapped;
use crate::{CheckpointError, end_ids, file_kind, git_lfs};
use burn::tensor::{Bytes, DType};
use names::original_name;
use rows::{interleaved, is_rotated};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// The `model_type` of these folders' `config.json`.
pub(crate) const MODEL_TYPE: &str = "llama";

/// Opens the folder at `path`, whose `config.json` says `config`.
pub(crate) fn open(path: &Path, config: &Json) -> Result<RawCheckpoint, CheckpointError> {
    // As transformers do: what is said for generating comes first.
    let named = match end_ids::of_generation(path)? {
        Some(named) => Some(named),
        None => end_ids::parse(&path.join(CONFIG), config)?,
    };
    let config = config::parse(path, config)?;
    let (end_ids, mut skipped) = end_ids::within(named.unwrap_or_default(), config.vocab_size);
    let mut tensors = BTreeMap::new();
    let mut maps = Vec::new();
    for file in files(path)? {
        let file = path.join(file);
        let map = Mapped::open(&file).map_err(|source| CheckpointError::Read {
            path: file.clone(),
            source,
        })?;
        let in_file = read_file(&file, &map.bytes(), &config)?;
        maps.push(map);
        for tensor in in_file {
            // Old exports carry the angles of the rotary embedding.
            if tensor.name.ends_with(".rotary_emb.inv_freq") {
                skipped.push(Skipped {
                    name: tensor.name,
                    reason: "computed, not learned",
                });
            } else if let Some(other) = tensors.insert(tensor.name.clone(), tensor) {
                return Err(CheckpointError::NotACheckpoint {
                    path: path.to_path_buf(),
                    found: format!("it contains {:.80} twice", other.name),
                });
            }
        }
    }
    Ok(RawCheckpoint {
        format: Format::HuggingFace,
        config,
        tensors,
        end_ids,
        unsupported: BTreeMap::new(),
        skipped,
        unread_classes: Vec::new(),
        maps,
    })
}

/// The files that hold the weights, by name.
pub(crate) fn files(path: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    if path.join(SINGLE).is_file() {
        return Ok(BTreeSet::from([SINGLE.to_owned()]));
    }
    let foreign = |found: String| CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found,
    };
    let index_path = path.join(INDEX);
    if !index_path.is_file() {
        return Err(file_kind::other_weights(path)
            .unwrap_or_else(|| foreign(format!("the folder has neither {SINGLE} nor {INDEX}"))));
    }
    let index = read_json(&index_path)?;
    let Some(names) = index["weight_map"].as_object() else {
        return Err(foreign(format!("its {INDEX} has no weight_map")));
    };
    let plain = |file: &Json| match file.as_str() {
        // A name and nothing else: an index must not point out of its folder.
        Some(file) if Path::new(file).file_name() == Some(file.as_ref()) => Ok(file.to_owned()),
        _ => Err(foreign(format!(
            "its {INDEX} names the file {}",
            shown(file)
        ))),
    };
    names.values().map(plain).collect()
}

/// The tensors of one file under the names the model gives them, rows of queries and keys in the original's order.
fn read_file(
    path: &Path,
    bytes: &Bytes,
    config: &ModelConfig,
) -> Result<Vec<Tensor>, CheckpointError> {
    git_lfs::check(path, bytes)?;
    let damaged = |e: safetensors::SafeTensorError| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: e.into(),
    };
    // The header, checked against the length of the file.
    let (header, metadata) =
        contained(path, || SafeTensors::read_metadata(bytes))?.map_err(damaged)?;
    let data = 8 + header;
    let adopt = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let bytes = bytes
            .view(data + start, data + end)
            .map_err(|e| CheckpointError::Damaged {
                path: path.to_path_buf(),
                source: format!("{e:?}").into(),
            })?;
        let name = original_name(&unwrapped(&name)).unwrap_or(name);
        let dtype = burn_dtype(info.dtype).ok_or_else(|| CheckpointError::NotACheckpoint {
            path: path.to_path_buf(),
            found: format!("its {name} has the unsupported dtype {:?}", info.dtype),
        })?;
        let tensor = Tensor::new(name, dtype, info.shape.clone(), None, bytes);
        Ok(if is_rotated(&tensor.name) {
            interleaved(tensor, config.head_dim())
        } else {
            tensor
        })
    };
    metadata.tensors().into_iter().map(adopt).collect()
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
