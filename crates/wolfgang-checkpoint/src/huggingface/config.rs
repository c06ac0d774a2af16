//! The `config.json` of a `LlamaForCausalLM`.

use super::special::SpecialIds;
use crate::file_names::CONFIG;
use crate::json::shown;
use crate::{CheckpointError, end_ids};
use serde_json::{Value as Json, json};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// The `model_type` in the `config.json` of a Hugging Face folder.
pub(crate) const MODEL_TYPE: &str = "llama";

/// A field of the original that Llama does not have. It is written so that an exported model has
/// the same configuration when it is read back.
const MULTIPLE_OF: &str = "multiple_of";

/// Converts the configuration of a Llama. Refuses settings that a Wolfgang-LM cannot have.
pub(super) fn parse(path: &Path, config: &Json) -> Result<ModelConfig, CheckpointError> {
    let unsupported = |field: &str, found: &Json, expected: String| CheckpointError::Unsupported {
        path: path.join(CONFIG),
        field: field.to_owned(),
        found: shown(found),
        expected,
    };
    let size = |field: &str| {
        let value = config[field].as_u64().and_then(|n| usize::try_from(n).ok());
        value.ok_or_else(|| unsupported(field, &config[field], "a non-negative integer".to_owned()))
    };
    // Transformers 4 stores rope_theta at the top level, 5 in rope_parameters; both may be present.
    let theta: &[Json] = &[Json::Null, 10000.into(), ModelConfig::ROPE_THETA.into()];
    for group in ["rope_scaling", "rope_parameters"] {
        check_rope(&config[group], group, theta, &unsupported)?;
    }
    let constants: [(&str, &Json, &[Json]); 6] = [
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
        (
            "rms_norm_eps",
            &config["rms_norm_eps"],
            &[Json::Null, ModelConfig::RMS_NORM_EPS.into()],
        ),
        ("rope_theta", &config["rope_theta"], theta),
    ];
    for (field, found, allowed) in constants {
        if !allowed.contains(found) {
            let expected = allowed.last().map(ToString::to_string).unwrap_or_default();
            return Err(unsupported(field, found, expected));
        }
    }
    let n_head = size("num_attention_heads")?;
    let kv_heads = "num_key_value_heads";
    let mut model = ModelConfig::default()
        .with_block_size(size("max_position_embeddings")?)
        .with_vocab_size(size("vocab_size")?)
        .with_n_layer(size("num_hidden_layers")?)
        .with_n_head(n_head)
        .with_n_kv_head(if config[kv_heads].is_null() {
            n_head
        } else {
            size(kv_heads)?
        })
        .with_n_embd(size("hidden_size")?)
        .with_dropout(config["attention_dropout"].as_f64().unwrap_or_default());
    let head_dim = &config["head_dim"];
    if !head_dim.is_null() && head_dim != model.head_dim() {
        return Err(unsupported(
            "head_dim",
            head_dim,
            model.head_dim().to_string(),
        ));
    }
    // Llama has the width of the feed-forward layers, the original has the multiple to which that
    // width is rounded up. Exports of this crate have both.
    let width = size("intermediate_size")?;
    let exported = config[MULTIPLE_OF].as_u64().map(|n| n as usize);
    let multiple = exported
        .into_iter()
        .chain([32, 1, 2, 4, 8, 16, 64, 128, 256, 512])
        .find(|&multiple| {
            model.multiple_of = multiple;
            model.hidden_dim() == width
        });
    match multiple {
        Some(multiple_of) => Ok(model.with_multiple_of(multiple_of)),
        None => {
            let exact = model.with_multiple_of(1).hidden_dim();
            let expected = format!("{exact}, rounded up to a multiple of a power of two");
            Err(unsupported(
                "intermediate_size",
                &config["intermediate_size"],
                expected,
            ))
        }
    }
}

/// Refuses rope parameters other than the default. Transformers 4 has them in `rope_scaling`, 5 in
/// `rope_parameters`. The type `default` is the embedding without scaling.
fn check_rope(
    rope: &Json,
    group: &str,
    theta: &[Json],
    unsupported: &impl Fn(&str, &Json, String) -> CheckpointError,
) -> Result<(), CheckpointError> {
    let fields = match rope {
        Json::Null => return Ok(()),
        Json::Object(fields) => fields,
        other => return Err(unsupported(group, other, "an object or null".to_owned())),
    };
    let kind: &[Json] = &[Json::Null, "default".into()];
    let one: &[Json] = &[Json::Null, 1.into(), 1.0.into()];
    // The type is checked first, because its error is the most helpful.
    let is_type = |field: &str| matches!(field, "rope_type" | "type");
    let (types, others): (Vec<_>, Vec<_>) = fields.iter().partition(|(field, _)| is_type(field));
    for (field, value) in types.into_iter().chain(others) {
        let allowed = match field.as_str() {
            // Older versions of transformers have `type`.
            field if is_type(field) => kind,
            "rope_theta" => theta,
            "factor" | "partial_rotary_factor" | "attention_factor" => one,
            _ => &[Json::Null],
        };
        if !allowed.contains(value) {
            let expected = match allowed {
                [_] => "no such field".to_owned(),
                [.., last] => last.to_string(),
                [] => String::new(),
            };
            let field = format!("{group}.{field:.40}");
            return Err(unsupported(&field, value, expected));
        }
    }
    Ok(())
}

/// Creates the `config.json` of a `LlamaForCausalLM`. Fields whose place differs between
/// transformers 4 and 5 are in both places.
pub(super) fn write(
    config: &ModelConfig,
    dtype: &str,
    special: &SpecialIds,
    end_ids: &[u32],
) -> Json {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": false,
        "attention_dropout": config.dropout,
        "bos_token_id": null,
        "dtype": dtype,
        end_ids::FIELD: special.eos_token_id(end_ids),
        "head_dim": config.head_dim(),
        "hidden_act": "silu",
        "hidden_size": config.n_embd,
        "intermediate_size": config.hidden_dim(),
        "max_position_embeddings": config.block_size,
        "mlp_bias": false,
        "model_type": MODEL_TYPE,
        MULTIPLE_OF: config.multiple_of,
        "num_attention_heads": config.n_head,
        "num_hidden_layers": config.n_layer,
        "num_key_value_heads": config.n_kv_head,
        "pad_token_id": special.padding,
        "rms_norm_eps": ModelConfig::RMS_NORM_EPS,
        "rope_parameters": { "rope_theta": ModelConfig::ROPE_THETA, "rope_type": "default" },
        "rope_theta": ModelConfig::ROPE_THETA,
        "tie_word_embeddings": true,
        "torch_dtype": dtype,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    })
}
