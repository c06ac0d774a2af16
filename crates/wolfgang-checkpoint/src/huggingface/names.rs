//! Names of parameters in Llama and in the original.

use crate::raw::HEAD;

/// Names within a layer: Llama, original.
const IN_LAYER: [(&str, &str); 9] = [
    ("input_layernorm", "attention_norm"),
    ("self_attn.q_proj", "attention.wq"),
    ("self_attn.k_proj", "attention.wk"),
    ("self_attn.v_proj", "attention.wv"),
    ("self_attn.o_proj", "attention.wo"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "feed_forward.w1"),
    ("mlp.down_proj", "feed_forward.w2"),
    ("mlp.up_proj", "feed_forward.w3"),
];

/// Names outside the layers: Llama, original.
const OUTSIDE: [(&str, &str); 3] = [
    ("model.embed_tokens.weight", "embeddings.weight"),
    ("model.norm.weight", "norm.weight"),
    ("lm_head.weight", HEAD),
];

/// Translates a name of Llama: `model.layers.0.self_attn.q_proj.weight` becomes
/// `layers.0.attention.wq.weight`.
pub(super) fn original_name(llama: &str) -> Option<String> {
    if let Some((_, original)) = OUTSIDE.iter().find(|(name, _)| *name == llama) {
        return Some((*original).to_owned());
    }
    let within = llama
        .strip_prefix("model.layers.")?
        .strip_suffix(".weight")?;
    let (layer, module) = within.split_once('.')?;
    let (_, original) = IN_LAYER.iter().find(|(name, _)| *name == module)?;
    Some(format!("layers.{layer}.{original}.weight"))
}

/// The inverse of [`original_name`].
pub(crate) fn llama_name(original: &str) -> Option<String> {
    if let Some((llama, _)) = OUTSIDE.iter().find(|(_, name)| *name == original) {
        return Some((*llama).to_owned());
    }
    let within = original.strip_prefix("layers.")?.strip_suffix(".weight")?;
    let (layer, module) = within.split_once('.')?;
    let (llama, _) = IN_LAYER.iter().find(|(_, name)| *name == module)?;
    Some(format!("model.layers.{layer}.{llama}.weight"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wolfgang_model::ModelConfig;

    #[test]
    fn every_parameter_has_a_llama_name() {
        for parameter in ModelConfig::default().parameters() {
            let llama = llama_name(&parameter.name).unwrap();
            assert_eq!(original_name(&llama), Some(parameter.name));
        }
        assert_eq!(original_name("model.layers.0.self_attn.q_proj.bias"), None);
    }
}
