//! Hugging Face folders: the same model exported as a `LlamaForCausalLM`.
//!
//! `config.json`, and `model.safetensors` or several such files with an index. Everything in which a Llama can differ
//! from a Wolfgang-LM is checked and, where it differs, refused by the name of its field.

use crate::CheckpointError;
use crate::contents::{Contents, Format, HEAD, Skipped};
use crate::folder::CONFIG;
use crate::mapped::map;
use crate::weights::Tensor;
use burn::tensor::{Bytes, DType};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// The `model_type` of these folders' `config.json`.
pub(crate) const MODEL_TYPE: &str = "llama";

/// The weights, where they are one file.
pub(crate) const SINGLE: &str = "model.safetensors";
/// Which files hold the weights, where they are several.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Opens the folder at `path`, whose `config.json` says `config`.
pub(crate) fn open(path: &Path, config: &Json) -> Result<Contents, CheckpointError> {
    let config = parse_config(path, config)?;
    let mut tensors = BTreeMap::new();
    let mut skipped = Vec::new();
    for file in files(path)? {
        for tensor in read_file(&path.join(file), &config)? {
            // Old exports carry the angles of the rotary embedding.
            if tensor.name.ends_with(".rotary_emb.inv_freq") {
                skipped.push(Skipped {
                    name: tensor.name,
                    reason: "computed, not learned",
                });
            } else {
                tensors.insert(tensor.name.clone(), tensor);
            }
        }
    }
    Ok(Contents {
        format: Format::HuggingFace,
        config,
        tensors,
        skipped,
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
        return Err(foreign(format!(
            "the folder has neither {SINGLE} nor {INDEX}"
        )));
    }
    let index = std::fs::read(&index_path).map_err(|source| CheckpointError::Read {
        path: index_path.clone(),
        source,
    })?;
    let index: Json = serde_json::from_slice(&index).map_err(|e| CheckpointError::Damaged {
        path: index_path,
        source: e.into(),
    })?;
    let Some(names) = index["weight_map"].as_object() else {
        return Err(foreign(format!("its {INDEX} has no weight_map")));
    };
    let plain = |file: &Json| match file.as_str() {
        // A name and nothing else: an index must not point out of its folder.
        Some(file) if Path::new(file).file_name() == Some(file.as_ref()) => Ok(file.to_owned()),
        _ => Err(foreign(format!("its {INDEX} names the file {file:.80}"))),
    };
    names.values().map(plain).collect()
}

/// The tensors of one file under the names the model gives them, rows of queries and keys in the original's order.
fn read_file(path: &Path, config: &ModelConfig) -> Result<Vec<Tensor>, CheckpointError> {
    let bytes = map(path).map_err(|source| CheckpointError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    let damaged = |e: safetensors::SafeTensorError| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: e.into(),
    };
    // The header, checked against the length of the file.
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let data = 8 + header;
    let adopt = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let bytes = bytes
            .view(data + start, data + end)
            .map_err(|e| CheckpointError::Damaged {
                path: path.to_path_buf(),
                source: format!("{e:?}").into(),
            })?;
        let name = original_name(&name).unwrap_or(name);
        let dtype = burn_dtype(info.dtype).ok_or_else(|| CheckpointError::NotACheckpoint {
            path: path.to_path_buf(),
            found: format!("its {name} holds {:?}", info.dtype),
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

/// `layers.0.attention.wq.weight` for `model.layers.0.self_attn.q_proj.weight`.
fn original_name(name: &str) -> Option<String> {
    let module = name.strip_suffix(".weight")?;
    let original = match module {
        "lm_head" => return Some(HEAD.to_owned()),
        "model.embed_tokens" => "embeddings".to_owned(),
        "model.norm" => "norm".to_owned(),
        _ => {
            let (layer, module) = module.strip_prefix("model.layers.")?.split_once('.')?;
            let module = match module {
                "input_layernorm" => "attention_norm",
                "self_attn.q_proj" => "attention.wq",
                "self_attn.k_proj" => "attention.wk",
                "self_attn.v_proj" => "attention.wv",
                "self_attn.o_proj" => "attention.wo",
                "post_attention_layernorm" => "ffn_norm",
                "mlp.gate_proj" => "feed_forward.w1",
                "mlp.down_proj" => "feed_forward.w2",
                "mlp.up_proj" => "feed_forward.w3",
                _ => return None,
            };
            format!("layers.{layer}.{module}")
        }
    };
    Some(format!("{original}.weight"))
}

fn is_rotated(name: &str) -> bool {
    name.ends_with(".attention.wq.weight") || name.ends_with(".attention.wk.weight")
}

/// Undoes the exporter's order of rows.
///
/// Llama's rotary embedding pairs row i of a head with row i + head_dim / 2, the original's pairs neighbours. The
/// exporter moved row 2i + p of a head to p · head_dim / 2 + i, so that both compute the same.
fn interleaved(tensor: Tensor, head_dim: usize) -> Tensor {
    let rows = tensor.shape.first().copied().unwrap_or(0);
    if head_dim == 0 || !rows.is_multiple_of(head_dim) {
        // Not the shape of any model; that is said when shapes are checked.
        return tensor;
    }
    let (name, dtype, shape) = (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
    let len = tensor.byte_len();
    let reorder = move || {
        let bytes = tensor.to_bytes()?;
        let row_len = len / rows;
        let mut ordered = Vec::with_capacity(len);
        for row in 0..rows {
            let (head, within) = (row / head_dim, row % head_dim);
            let stored = head * head_dim + within % 2 * (head_dim / 2) + within / 2;
            ordered.extend_from_slice(&bytes[stored * row_len..(stored + 1) * row_len]);
        }
        Ok(Bytes::from_bytes_vec(ordered))
    };
    Tensor::deferred(name, dtype, shape, None, len, reorder)
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

/// The shape of the model, in Llama's terms; refuses what a Wolfgang-LM has not.
fn parse_config(path: &Path, config: &Json) -> Result<ModelConfig, CheckpointError> {
    let unsupported = |field: &str, found: &Json, expected: String| CheckpointError::Unsupported {
        path: path.join(CONFIG),
        field: field.to_owned(),
        found: format!("{found:.80}"),
        expected,
    };
    let size = |field: &str| {
        let value = config[field].as_u64().and_then(|n| usize::try_from(n).ok());
        value.ok_or_else(|| unsupported(field, &config[field], "a size".to_owned()))
    };
    // Transformers 4 has the angle's base at the top level, 5 among the rope parameters.
    let rope = &config["rope_parameters"];
    let (theta, theta_value) = match &rope["rope_theta"] {
        Json::Null => ("rope_theta", &config["rope_theta"]),
        value => ("rope_parameters.rope_theta", value),
    };
    let wanted: [(&str, &Json, &[Json]); 8] = [
        ("hidden_act", &config["hidden_act"], &["silu".into()]),
        (
            "tie_word_embeddings",
            &config["tie_word_embeddings"],
            &[true.into()],
        ),
        (
            "attention_bias",
            &config["attention_bias"],
            &[Json::Null, false.into()],
        ),
        ("mlp_bias", &config["mlp_bias"], &[Json::Null, false.into()]),
        ("rope_scaling", &config["rope_scaling"], &[Json::Null]),
        (
            "rope_parameters.rope_type",
            &rope["rope_type"],
            &[Json::Null, "default".into()],
        ),
        (
            "rms_norm_eps",
            &config["rms_norm_eps"],
            &[Json::Null, 1e-6.into()],
        ),
        (
            theta,
            theta_value,
            &[Json::Null, 10000.into(), 10000.0.into()],
        ),
    ];
    for (field, found, allowed) in wanted {
        if !allowed.contains(found) {
            let expected = allowed.last().map(ToString::to_string).unwrap_or_default();
            return Err(unsupported(field, found, expected));
        }
    }
    let n_head = size("num_attention_heads")?;
    let kv_heads = "num_key_value_heads";
    let mut model = ModelConfig {
        block_size: size("max_position_embeddings")?,
        vocab_size: size("vocab_size")?,
        n_layer: size("num_hidden_layers")?,
        n_head,
        n_kv_head: if config[kv_heads].is_null() {
            n_head
        } else {
            size(kv_heads)?
        },
        n_embd: size("hidden_size")?,
        ..ModelConfig::default()
    };
    let head_dim = &config["head_dim"];
    if !head_dim.is_null() && head_dim != model.head_dim() {
        return Err(unsupported(
            "head_dim",
            head_dim,
            model.head_dim().to_string(),
        ));
    }
    // Llama says the feed-forward width itself; the original, what it is rounded up to.
    let width = size("intermediate_size")?;
    let multiple = [32, 1, 2, 4, 8, 16, 64, 128, 256, 512]
        .into_iter()
        .find(|&multiple| {
            model.multiple_of = multiple;
            model.hidden_dim() == width
        });
    match multiple {
        Some(multiple_of) => Ok(ModelConfig {
            multiple_of,
            ..model
        }),
        None => {
            let exact = ModelConfig {
                multiple_of: 1,
                ..model
            }
            .hidden_dim();
            let expected = format!("{exact}, rounded up to a multiple of a power of two");
            Err(unsupported(
                "intermediate_size",
                &config["intermediate_size"],
                expected,
            ))
        }
    }
}
