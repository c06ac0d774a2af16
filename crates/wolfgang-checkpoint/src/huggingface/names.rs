//! Names of parameters in Llama and in the original.

use crate::raw::HEAD;

/// Names within a layer: Llama, original.
const IN_LAYER: [(&str, &str); 15] = [
    ("input_layernorm.weight", "attention_norm.weight"),
    ("self_attn.q_proj.weight", "attention.wq.weight"),
    ("self_attn.q_proj.bias", "attention.wq.bias"),
    ("self_attn.k_proj.weight", "attention.wk.weight"),
    ("self_attn.k_proj.bias", "attention.wk.bias"),
    ("self_attn.v_proj.weight", "attention.wv.weight"),
    ("self_attn.v_proj.bias", "attention.wv.bias"),
    ("self_attn.q_norm.weight", "attention.q_norm.weight"),
    ("self_attn.k_norm.weight", "attention.k_norm.weight"),
    ("self_attn.o_proj.weight", "attention.wo.weight"),
    ("self_attn.o_proj.bias", "attention.wo.bias"),
    ("post_attention_layernorm.weight", "ffn_norm.weight"),
    ("mlp.gate_proj.weight", "feed_forward.w1.weight"),
    ("mlp.down_proj.weight", "feed_forward.w2.weight"),
    ("mlp.up_proj.weight", "feed_forward.w3.weight"),
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
    let (layer, parameter) = llama.strip_prefix("model.layers.")?.split_once('.')?;
    let (_, original) = IN_LAYER.iter().find(|(name, _)| *name == parameter)?;
    Some(format!("layers.{layer}.{original}"))
}

/// The inverse of [`original_name`].
pub(crate) fn llama_name(original: &str) -> Option<String> {
    if let Some((llama, _)) = OUTSIDE.iter().find(|(_, name)| *name == original) {
        return Some((*llama).to_owned());
    }
    let (layer, parameter) = original.strip_prefix("layers.")?.split_once('.')?;
    let (llama, _) = IN_LAYER.iter().find(|(_, name)| *name == parameter)?;
    Some(format!("model.layers.{layer}.{llama}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wolfgang_model::ModelConfig;

    #[test]
    fn every_parameter_has_a_llama_name() {
        let config = ModelConfig::default()
            .with_tie_word_embeddings(false)
            .with_qkv_bias(true)
            .with_attention_output_bias(true)
            .with_qk_norm(true);
        for parameter in config.parameters() {
            let llama = llama_name(&parameter.name).unwrap();
            assert_eq!(original_name(&llama), Some(parameter.name));
        }
        assert_eq!(original_name("model.layers.0.mlp.up_proj.bias"), None);
    }
}
