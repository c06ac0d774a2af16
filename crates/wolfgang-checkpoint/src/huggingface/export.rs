//! Writing a folder that the `transformers` library loads.

use super::config;
use super::names::llama_name;
use super::rows::{in_halves, is_rotated};
use super::special::SpecialIds;
use crate::CheckpointError;
use crate::atomic_dir::StagingDir;
use crate::json::read_json;
use crate::layout::{CONFIG, GENERATION_CONFIG, SINGLE, TOKENIZER, TOKENIZER_CONFIG};
use crate::weights::Tensor;
use burn::tensor::DType;
use safetensors::tensor::serialize_to_file;
use safetensors::{Dtype, View};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use wolfgang_model::ModelConfig;

/// Writes everything but the tokenizer, which is there already if there is one.
pub(crate) fn write(
    staging: &StagingDir,
    config: &ModelConfig,
    end_ids: &[u32],
    tensors: Vec<Tensor>,
) -> Result<(), CheckpointError> {
    let put = |name: &str, json: Json| staging.write(name, format!("{json:#}\n").as_bytes());
    let tokenizer = staging.path().join(TOKENIZER);
    let special = if tokenizer.is_file() {
        let special = SpecialIds::of(&read_json(&tokenizer)?);
        put(
            TOKENIZER_CONFIG,
            special.tokenizer_config(config.block_size),
        )?;
        special
    } else {
        SpecialIds::default()
    };
    put(GENERATION_CONFIG, special.generation_config(end_ids))?;
    let dtype = tensors.first().map_or(DType::F32, |tensor| tensor.dtype);
    let json = config::write(config, torch_name(dtype), &special, end_ids);
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
            Lazy {
                tensor,
                dtype,
                incomplete,
            },
        )
    });
    // What transformers asks for to know that the names are PyTorch's.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let weights = staging.path().join(SINGLE);
    serialize_to_file(views, Some(metadata), &weights).map_err(|e| staging.failed(SINGLE, e))?;
    // It comes private, as temporary files are; the others are as the user wants new files to be.
    std::fs::metadata(staging.path().join(CONFIG))
        .and_then(|config| std::fs::set_permissions(&weights, config.permissions()))
        .map_err(|e| staging.failed(SINGLE, e))?;
    if incomplete.into_inner() {
        return Err(staging.failed(SINGLE, "a tensor could not be read"));
    }
    Ok(())
}

/// A tensor that is made when the writer comes to it.
struct Lazy<'a> {
    tensor: Tensor,
    dtype: Dtype,
    /// Set if it could not be made: the writer's interface has no place for that.
    incomplete: &'a AtomicBool,
}

impl View for Lazy<'_> {
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

/// Only what conversions write comes here.
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
