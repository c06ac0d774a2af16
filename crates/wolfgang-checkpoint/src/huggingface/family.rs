//! The model types of the Llama family.

use serde_json::Value as Json;
use wolfgang_model::ModelConfig;

/// A model type: its architecture, and the values of fields that are absent in `config.json`, as in
/// the transformers library.
pub(super) struct Family {
    pub(super) model_type: &'static str,
    pub(super) architecture: &'static str,
    pub(super) vocabulary: usize,
    pub(super) width: usize,
    pub(super) hidden_width: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// `None` if there are as many as query heads.
    pub(super) kv_heads: Option<usize>,
    /// `None` if it is the width divided by the number of heads.
    pub(super) head_dim: Option<usize>,
    pub(super) positions: usize,
    /// Whether `sliding_window` is a field, and if it is, the field that switches it on.
    pub(super) window_switch: Option<Option<&'static str>>,
    /// Whether `attention_bias` adds biases to all projections of attention.
    pub(super) has_attention_bias_field: bool,
    pub(super) always_has_qkv_bias: bool,
    pub(super) has_qk_norm: bool,
}

const LLAMA: Family = Family {
    model_type: "llama",
    architecture: "LlamaForCausalLM",
    vocabulary: 32000,
    width: 4096,
    hidden_width: 11008,
    layers: 32,
    heads: 32,
    kv_heads: None,
    head_dim: None,
    positions: 2048,
    window_switch: None,
    has_attention_bias_field: true,
    always_has_qkv_bias: false,
    has_qk_norm: false,
};

const MISTRAL: Family = Family {
    model_type: "mistral",
    architecture: "MistralForCausalLM",
    hidden_width: 14336,
    kv_heads: Some(8),
    positions: 1 << 17,
    window_switch: Some(None),
    has_attention_bias_field: false,
    ..LLAMA
};

const QWEN2: Family = Family {
    model_type: "qwen2",
    architecture: "Qwen2ForCausalLM",
    vocabulary: 151_936,
    hidden_width: 22016,
    kv_heads: Some(32),
    positions: 32768,
    window_switch: Some(Some("use_sliding_window")),
    has_attention_bias_field: false,
    always_has_qkv_bias: true,
    ..LLAMA
};

const QWEN3: Family = Family {
    model_type: "qwen3",
    architecture: "Qwen3ForCausalLM",
    head_dim: Some(128),
    has_attention_bias_field: true,
    always_has_qkv_bias: false,
    has_qk_norm: true,
    ..QWEN2
};

pub(super) static FAMILIES: [Family; 4] = [LLAMA, MISTRAL, QWEN2, QWEN3];

impl Family {
    /// The family of the `model_type` of a `config.json`.
    pub(super) fn of(config: &Json) -> Option<&'static Self> {
        FAMILIES
            .iter()
            .find(|family| config["model_type"] == family.model_type)
    }

    /// The family as which a model is exported; `None` if no architecture has these biases.
    pub(super) fn for_export(config: &ModelConfig) -> Option<&'static Self> {
        let [llama, _, qwen2, qwen3] = &FAMILIES;
        let biases = (config.qkv_bias, config.attention_output_bias);
        match (config.qk_norm, biases) {
            (true, (qkv, output)) if qkv == output => Some(qwen3),
            (false, (qkv, output)) if qkv == output => Some(llama),
            (false, (true, false)) => Some(qwen2),
            _ => None,
        }
    }
}

/// Whether a `model_type` is one of the Llama family.
pub(crate) fn is_model_type(model_type: &str) -> bool {
    FAMILIES
        .iter()
        .any(|family| family.model_type == model_type)
}

/// The model types, for messages.
pub(crate) fn model_types() -> String {
    let types = FAMILIES
        .iter()
        .map(|family| format!("{:?}", family.model_type));
    types.collect::<Vec<_>>().join(", ")
}
