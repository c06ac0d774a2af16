//! The parameters of the rotary embedding.
//!
//! Transformers 4 has `rope_theta` at the top level and the rest in `rope_scaling`, 5 has all in
//! `rope_parameters`. Files may have both, but then they must agree, because each version reads
//! only its own.

use super::fields::Fields;
use crate::CheckpointError;
use serde_json::{Value as Json, json};
use wolfgang_model::{ModelConfig, RopeScaling};

const THETA: &str = "rope_theta";
const CONTEXT: &str = "original_max_position_embeddings";

/// Sets base and scaling of the frequencies.
pub(super) fn parse(
    fields: &Fields<'_>,
    mut model: ModelConfig,
) -> Result<ModelConfig, CheckpointError> {
    let mut theta = fields.optional_number(THETA)?;
    let mut scaling: Option<Option<RopeScaling>> = None;
    for name in ["rope_scaling", "rope_parameters"] {
        let Some(group) = fields.group(name)? else {
            continue;
        };
        let in_group = parse_scaling(&group, model.block_size)?;
        if scaling.as_ref().is_some_and(|other| *other != in_group) {
            let found = fields.get(name);
            return Err(fields.unsupported(name, found, "the parameters of rope_scaling"));
        }
        scaling = Some(in_group);
        let theta_in_group = group.optional_number(THETA)?;
        if let (Some(theta), Some(other)) = (theta, theta_in_group)
            && theta != other
        {
            let found = fields.get(THETA);
            return Err(fields.unsupported(THETA, found, format!("{other:?}, as in {name}")));
        }
        theta = theta.or(theta_in_group);
    }
    model.rope_theta = theta.unwrap_or(ModelConfig::ROPE_THETA);
    model.rope_scaling = scaling.flatten();
    Ok(model)
}

/// Returns the scaling that a group describes. `block_size` is the context length.
fn parse_scaling(
    group: &Fields<'_>,
    block_size: usize,
) -> Result<Option<RopeScaling>, CheckpointError> {
    // Older versions of transformers have `type`.
    let (name, kind) = match group.get("rope_type") {
        Json::Null => ("type", group.get("type")),
        kind => ("rope_type", kind),
    };
    let (scaling, known): (_, &[&str]) = match kind.as_str() {
        None if kind.is_null() => (None, &[]),
        Some("default") => (None, &[]),
        // Up to the context length, which is never exceeded here, the same as the default.
        Some("dynamic") => (None, &["factor"]),
        Some("linear") => {
            let factor = group.required_number("factor")?;
            (Some(RopeScaling::Linear { factor }), &["factor"])
        }
        Some("llama3") => {
            let scaling = RopeScaling::Llama3 {
                factor: group.required_number("factor")?,
                low_freq_factor: group.required_number("low_freq_factor")?,
                high_freq_factor: group.required_number("high_freq_factor")?,
                original_max_position_embeddings: group.size(CONTEXT, block_size)?,
            };
            let known = &["factor", "low_freq_factor", "high_freq_factor", CONTEXT];
            (Some(scaling), known)
        }
        _ => {
            let expected = r#""default", "linear", "llama3" or "dynamic""#;
            return Err(group.unsupported(name, kind, expected));
        }
    };
    let one: &[Json] = &[Json::Null, 1.into(), 1.0.into()];
    for field in group.names() {
        match field {
            "rope_type" | THETA => {}
            "type" => group.allow(field, &[Json::Null, kind.clone()])?,
            field if known.contains(&field) => {}
            "factor" | "partial_rotary_factor" | "attention_factor" => group.allow(field, one)?,
            field => group.allow(field, &[Json::Null])?,
        }
    }
    Ok(scaling)
}

/// The `rope_parameters` of a configuration.
pub(super) fn parameters(config: &ModelConfig) -> Json {
    let mut parameters = match &config.rope_scaling {
        Some(scaling) => json!(scaling),
        None => json!({ "rope_type": "default" }),
    };
    parameters[THETA] = config.rope_theta.into();
    parameters
}
