//! Writing a folder that the `transformers` library loads.

use super::config;
use super::names::llama_name;
use super::rows::{in_halves, is_rotated};
use super::special::SpecialIds;
use crate::CheckpointError;
use crate::atomic_dir::StagingDir;
use crate::file_names::{
    CHAT_TEMPLATE, CONFIG, GENERATION_CONFIG, SINGLE, TOKENIZER, TOKENIZER_CONFIG,
};
use crate::json::read_json;
use crate::tensor::Tensor;
use burn::tensor::DType;
use safetensors::tensor::serialize_to_file;
use safetensors::{Dtype, View};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use wolfgang_model::ModelConfig;

/// Writes all files except those that have already been written: `tokenizer.json` if the model has
/// one, and the files of its source.
pub(crate) fn write(
    staging: &StagingDir,
    config: &ModelConfig,
    end_ids: &[u32],
    sampling: &Map<String, Json>,
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let put = |name: &str, json: Json| staging.write(name, format!("{json:#}\n").as_bytes());
    let special = SpecialIds::from_folder(staging.path())?;
    let has = |name: &str| staging.path().join(name).is_file();
    if has(TOKENIZER_CONFIG) {
        let mut json = read_json(&staging.path().join(TOKENIZER_CONFIG))?;
        if !has(CHAT_TEMPLATE) && json.is_object() && json["chat_template"].is_null() {
            special.add_chat_template(&mut json);
            put(TOKENIZER_CONFIG, json)?;
        }
    } else if has(TOKENIZER) {
        put(
            TOKENIZER_CONFIG,
            special.tokenizer_config(config.block_size),
        )?;
    }
    put(
        GENERATION_CONFIG,
        special.generation_config(end_ids, sampling),
    )?;
    let dtype = tensors.first().map_or(DType::F32, |tensor| tensor.dtype);
    let json = config::write(
        staging.target(),
        config,
        torch_name(dtype),
        &special,
        end_ids,
    )?;
    put(CONFIG, json)?;

    let incomplete = AtomicBool::new(false);
    let views = tensors.into_iter().map(|tensor| {
        let name = llama_name(&tensor.name).unwrap_or_else(|| tensor.name.clone());
        let tensor = if is_rotated(&tensor.name) {
            in_halves(tensor, config.head_dim())
        } else {
            tensor
        };
        let dtype = stored_dtype(tensor.dtype);
        let incomplete = &incomplete;
        (
            name,
            LazyTensor {
                tensor,
                dtype,
                incomplete,
            },
        )
    });
    // The transformers library requires this to accept the names as those of PyTorch.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let weights = staging.path().join(SINGLE);
    serialize_to_file(views, Some(metadata), &weights)
        .map_err(|e| staging.write_error(SINGLE, e))?;
    // The file has the permissions of a temporary file; the others have the default permissions.
    std::fs::metadata(staging.path().join(CONFIG))
        .and_then(|config| std::fs::set_permissions(&weights, config.permissions()))
        .map_err(|e| staging.write_error(SINGLE, e))?;
    if incomplete.into_inner() {
        return Err(staging.write_error(SINGLE, "a tensor could not be read"));
    }
    Ok(())
}

/// A tensor that is computed when the writer requests its bytes.
struct LazyTensor<'a> {
    tensor: Tensor,
    dtype: Dtype,
    /// Set on failure, because [`View`] cannot return errors.
    incomplete: &'a AtomicBool,
}

impl View for LazyTensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.tensor.to_bytes() {
            Ok(bytes) => Cow::Owned(bytes.to_vec()),
            Err(_) => {
                self.incomplete.store(true, Ordering::Relaxed);
                Cow::Borrowed(&[])
            }
        }
    }

    fn data_len(&self) -> usize {
        self.tensor.byte_len()
    }
}

/// Maps the element types that conversions write to this format.
fn stored_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        _ => Dtype::F32,
    }
}

fn torch_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "float16",
        DType::BF16 => "bfloat16",
        _ => "float32",
    }
}
