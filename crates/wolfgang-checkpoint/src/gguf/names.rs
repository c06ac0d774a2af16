//! Names of parameters in GGUF files and in the original.

use crate::raw::HEAD;

/// Names within a layer: GGUF, original.
const IN_LAYER: [(&str, &str); 11] = [
    ("attn_norm", "attention_norm"),
    ("attn_q", "attention.wq"),
    ("attn_k", "attention.wk"),
    ("attn_v", "attention.wv"),
    ("attn_output", "attention.wo"),
    ("attn_q_norm", "attention.q_norm"),
    ("attn_k_norm", "attention.k_norm"),
    ("ffn_norm", "ffn_norm"),
    ("ffn_gate", "feed_forward.w1"),
    ("ffn_down", "feed_forward.w2"),
    ("ffn_up", "feed_forward.w3"),
];

/// Names outside the layers: GGUF, original.
const OUTSIDE: [(&str, &str); 3] = [
    ("token_embd.weight", "embeddings.weight"),
    ("output_norm.weight", "norm.weight"),
    ("output.weight", HEAD),
];

/// Translates a name of GGUF: `blk.0.attn_q.weight` becomes `layers.0.attention.wq.weight`.
pub(super) fn original_name(gguf: &str) -> Option<String> {
    if let Some((_, original)) = OUTSIDE.iter().find(|(name, _)| *name == gguf) {
        return Some((*original).to_owned());
    }
    let (layer, within) = gguf.strip_prefix("blk.")?.split_once('.')?;
    let (module, kind) = within.split_once('.')?;
    let (_, original) = IN_LAYER.iter().find(|(name, _)| *name == module)?;
    Some(format!("layers.{layer}.{original}.{kind}"))
}

/// The inverse of [`original_name`].
pub(crate) fn gguf_name(original: &str) -> Option<String> {
    if let Some((gguf, _)) = OUTSIDE.iter().find(|(_, name)| *name == original) {
        return Some((*gguf).to_owned());
    }
    let (layer, within) = original.strip_prefix("layers.")?.split_once('.')?;
    let (module, kind) = within.rsplit_once('.')?;
    let (gguf, _) = IN_LAYER.iter().find(|(_, name)| *name == module)?;
    Some(format!("blk.{layer}.{gguf}.{kind}"))
}
