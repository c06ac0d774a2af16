//! The configuration of the model in the metadata of a GGUF file.

use super::metadata::Metadata;
use crate::CheckpointError;
use wolfgang_model::{ModelConfig, RopeScaling};

/// The supported architectures, by `general.architecture`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
}

const ARCHITECTURE: &str = "general.architecture";

/// Keys of an architecture that this file reads, and keys without an effect on the model. Others
/// are refused, because they may change what the model computes.
const KNOWN: [&str; 19] = [
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "expert_count",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "tensor_data_layout",
    "vocab_size",
];

impl Architecture {
    pub(super) fn read(metadata: &Metadata<'_>) -> Result<Self, CheckpointError> {
        match metadata.string(ARCHITECTURE)? {
            Some("llama") => Ok(Self::Llama),
            Some("qwen2") => Ok(Self::Qwen2),
            Some("qwen3") => Ok(Self::Qwen3),
            _ => Err(metadata.unsupported(ARCHITECTURE, "llama, qwen2 or qwen3")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// Whether the rotary embedding pairs row i of a head with row i + head_dim / 2. The files of
    /// `llama` have the rows of queries and keys in the order of the original, in which it pairs
    /// adjacent rows.
    pub(super) fn rotates_halves(self) -> bool {
        self != Self::Llama
    }
}

/// Reads the configuration. `has` returns whether the file has a tensor.
pub(super) fn read(
    architecture: Architecture,
    metadata: &Metadata<'_>,
    has: impl Fn(&str) -> bool,
) -> Result<ModelConfig, CheckpointError> {
    let prefix = format!("{}.", architecture.name());
    let key = |name: &str| format!("{prefix}{name}");
    let unknown = metadata.keys().find(|key| {
        let name = key.strip_prefix(&prefix);
        name.is_some_and(|name| !KNOWN.contains(&name))
    });
    if let Some(unknown) = unknown {
        return Err(metadata.unsupported(unknown, "no such key"));
    }
    let n_head = metadata.required_size(&key("attention.head_count"))?;
    let n_kv_head = metadata.size(&key("attention.head_count_kv"))?;
    let n_embd = metadata.required_size(&key("embedding_length"))?;
    let context = metadata.required_size(&key("context_length"))?;
    let epsilon = key("attention.layer_norm_rms_epsilon");
    let vocab_size = match metadata.size(&key("vocab_size"))? {
        Some(size) => size,
        None => match metadata
            .get("tokenizer.ggml.tokens")
            .and_then(super::metadata::Value::len)
        {
            Some(tokens) => tokens,
            None => return Err(metadata.unsupported(&key("vocab_size"), "a non-negative integer")),
        },
    };
    let model = ModelConfig::default()
        .with_block_size(context)
        .with_vocab_size(vocab_size)
        .with_n_layer(metadata.required_size(&key("block_count"))?)
        .with_n_head(n_head)
        .with_n_kv_head(n_kv_head.unwrap_or(n_head))
        .with_n_embd(n_embd)
        .with_intermediate_size(metadata.required_size(&key("feed_forward_length"))?)
        .with_rms_norm_eps(
            metadata
                .float(&epsilon)?
                .ok_or_else(|| metadata.unsupported(&epsilon, "a number"))?,
        )
        .with_rope_theta(
            metadata
                .float(&key("rope.freq_base"))?
                .unwrap_or(ModelConfig::ROPE_THETA),
        )
        .with_rope_scaling(rope_scaling(metadata, &prefix)?)
        .with_tie_word_embeddings(!has("output.weight"))
        .with_qkv_bias(match architecture {
            Architecture::Llama => has("blk.0.attn_q.bias"),
            Architecture::Qwen2 => true,
            Architecture::Qwen3 => false,
        })
        .with_attention_output_bias(
            architecture == Architecture::Llama && has("blk.0.attn_output.bias"),
        )
        .with_qk_norm(architecture == Architecture::Qwen3);
    let derived = model.head_dim();
    let head_dim = metadata.size(&key("attention.key_length"))?;
    let model = model.with_head_dim(head_dim.filter(|head_dim| *head_dim != derived));
    for name in ["attention.value_length", "rope.dimension_count"] {
        if metadata
            .size(&key(name))?
            .is_some_and(|n| n != model.head_dim())
        {
            return Err(metadata.unsupported(&key(name), model.head_dim().to_string()));
        }
    }
    if metadata.size(&key("expert_count"))?.is_some_and(|n| n > 0) {
        return Err(metadata.unsupported(&key("expert_count"), "0"));
    }
    let window = key("attention.sliding_window");
    if metadata
        .size(&window)?
        .is_some_and(|n| n != 0 && n < context)
    {
        return Err(metadata.unsupported(&window, format!("at least the context of {context}")));
    }
    Ok(model)
}

/// Reads the scaling of the rotary embedding. Without a type, a factor is that of linear scaling,
/// as in llama.cpp.
fn rope_scaling(
    metadata: &Metadata<'_>,
    prefix: &str,
) -> Result<Option<RopeScaling>, CheckpointError> {
    let type_key = format!("{prefix}rope.scaling.type");
    let factor = metadata.float(&format!("{prefix}rope.scaling.factor"))?;
    match metadata.string(&type_key)? {
        Some("none") => Ok(None),
        None | Some("linear") => Ok(factor
            .filter(|factor| *factor != 0.0 && *factor != 1.0)
            .map(|factor| RopeScaling::Linear { factor })),
        Some(_) => Err(metadata.unsupported(&type_key, "\"none\" or \"linear\"")),
    }
}
