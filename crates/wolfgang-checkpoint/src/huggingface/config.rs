//! The `config.json` of the Llama family.

mod fields;
mod rope;

use super::family::{FAMILIES, Family};
use super::special::SpecialIds;
use crate::file_names::CONFIG;
use crate::{CheckpointError, end_ids};
use fields::Fields;
use serde_json::{Value as Json, json};
use std::path::Path;
use wolfgang_model::ModelConfig;

/// A field of the original that Llama does not have. It is written so that an exported model has
/// the same configuration when it is read back.
const MULTIPLE_OF: &str = "multiple_of";

/// Converts a configuration. Missing fields have the defaults of the transformers library. Settings
/// that the model cannot compute are refused.
pub(super) fn parse(path: &Path, config: &Json) -> Result<ModelConfig, CheckpointError> {
    let path = path.join(CONFIG);
    let fields = Fields::new(&path, config);
    let family = Family::of(config).unwrap_or(&FAMILIES[0]);
    check_architecture(&fields, family)?;
    fields.allow("hidden_act", &[Json::Null, "silu".into()])?;
    fields.allow("mlp_bias", &[Json::Null, false.into()])?;
    fields.allow("pretraining_tp", &[Json::Null, 1.into()])?;
    fields.allow("quantization_config", &[Json::Null])?;
    fields.allow("partial_rotary_factor", &[Json::Null, 1.into(), 1.0.into()])?;

    let n_head = fields.size("num_attention_heads", family.heads)?;
    let block_size = fields.size("max_position_embeddings", family.positions)?;
    let kv_heads = "num_key_value_heads";
    let n_kv_head = match (config.get(kv_heads), family.kv_heads) {
        (Some(Json::Null), _) | (None, None) => n_head,
        (_, default) => fields.size(kv_heads, default.unwrap_or(n_head))?,
    };
    check_window(&fields, family, block_size)?;
    let attention_bias = match family.has_attention_bias_field {
        true => fields.flag("attention_bias")?,
        false => false,
    };
    if family.model_type == "mistral" {
        fields.allow("attention_bias", &[Json::Null, false.into()])?;
    }
    let model = ModelConfig::default()
        .with_block_size(block_size)
        .with_vocab_size(fields.size("vocab_size", family.vocabulary)?)
        .with_n_layer(fields.size("num_hidden_layers", family.layers)?)
        .with_n_head(n_head)
        .with_n_kv_head(n_kv_head)
        .with_n_embd(fields.size("hidden_size", family.width)?)
        .with_dropout(config["attention_dropout"].as_f64().unwrap_or_default())
        .with_rms_norm_eps(fields.number("rms_norm_eps", 1e-6)?)
        .with_tie_word_embeddings(fields.flag("tie_word_embeddings")?)
        .with_qkv_bias(attention_bias || family.always_has_qkv_bias)
        .with_attention_output_bias(attention_bias)
        .with_qk_norm(family.has_qk_norm);
    let model = rope::parse(&fields, model)?;
    let head_dim = match config.get("head_dim") {
        Some(Json::Null) => None,
        None => family.head_dim,
        Some(_) => Some(fields.size("head_dim", 0)?),
    };
    let head_dim = head_dim.filter(|head_dim| n_head.saturating_mul(*head_dim) != model.n_embd);
    let model = model.with_head_dim(head_dim);
    let width = fields.size("intermediate_size", family.hidden_width)?;
    Ok(with_hidden_width(model, width, &config[MULTIPLE_OF]))
}

/// Refuses a folder that names only other architectures, such as classifiers.
fn check_architecture(fields: &Fields<'_>, family: &Family) -> Result<(), CheckpointError> {
    let found = fields.get("architectures");
    match found {
        Json::Null => Ok(()),
        Json::Array(names) if names.is_empty() => Ok(()),
        Json::Array(names) if names.iter().any(|name| name == family.architecture) => Ok(()),
        _ => Err(fields.unsupported("architectures", found, family.architecture)),
    }
}

/// Refuses a sliding window that is smaller than the context.
fn check_window(
    fields: &Fields<'_>,
    family: &Family,
    block_size: usize,
) -> Result<(), CheckpointError> {
    let window = match (fields.is_absent("sliding_window"), family.window_switch) {
        (_, None) => return Ok(()),
        // Llama has no such field; Qwen has a window only if it is switched on.
        (_, Some(Some(switch))) if !fields.flag(switch)? => None,
        (true, Some(_)) => Some(4096),
        (false, Some(_)) => match fields.get("sliding_window") {
            Json::Null => None,
            _ => Some(fields.size("sliding_window", 0)?),
        },
    };
    match window {
        Some(window) if window >= block_size => Ok(()),
        Some(window) => Err(fields.unsupported(
            "sliding_window",
            &window.into(),
            format!("null or at least max_position_embeddings ({block_size})"),
        )),
        None => {
            let layers = fields.get("layer_types").as_array();
            let other = layers
                .into_iter()
                .flatten()
                .find(|kind| *kind != "full_attention");
            other.map_or(Ok(()), |other| {
                Err(fields.unsupported("layer_types", other, "full_attention"))
            })
        }
    }
}

/// Sets the width of the feed-forward layers: by the rule of the original if that gives this width,
/// because Wolfgang-LM has the multiple to which the width is rounded up. Exports of this crate
/// have both.
fn with_hidden_width(model: ModelConfig, width: usize, exported: &Json) -> ModelConfig {
    let exported = exported.as_u64().and_then(|n| usize::try_from(n).ok());
    let multiples = exported.into_iter();
    let mut candidates = multiples
        .chain([32, 1, 2, 4, 8, 16, 64, 128, 256, 512])
        .map(|multiple| model.clone().with_multiple_of(multiple));
    let by_rule = candidates.find(|candidate| candidate.hidden_dim() == width);
    by_rule.unwrap_or_else(|| model.with_intermediate_size(width))
}

/// Creates the `config.json`. Fields whose place differs between transformers 4 and 5 are in both
/// places.
pub(super) fn write(
    path: &Path,
    config: &ModelConfig,
    dtype: &str,
    special: &SpecialIds,
    end_ids: &[u32],
) -> Result<Json, CheckpointError> {
    let family = Family::for_export(config).ok_or_else(|| CheckpointError::Unsupported {
        path: path.join(CONFIG),
        field: "attention_output_bias".to_owned(),
        found: config.attention_output_bias.to_string(),
        expected: format!(
            "{}, because the transformers library has no other architecture",
            !config.attention_output_bias
        ),
    })?;
    let mut json = json!({
        "architectures": [family.architecture],
        "attention_bias": config.attention_output_bias,
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
        "model_type": family.model_type,
        "num_attention_heads": config.n_head,
        "num_hidden_layers": config.n_layer,
        "num_key_value_heads": config.n_kv_head,
        "pad_token_id": special.padding,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_parameters": rope::parameters(config),
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": config.tie_word_embeddings,
        "torch_dtype": dtype,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    });
    if config.intermediate_size.is_none() {
        json[MULTIPLE_OF] = config.multiple_of.into();
    }
    if let Some(scaling) = &config.rope_scaling {
        json["rope_scaling"] = json!(scaling);
    }
    if let Some(Some(switch)) = family.window_switch {
        json[switch] = false.into();
    }
    Ok(json)
}
