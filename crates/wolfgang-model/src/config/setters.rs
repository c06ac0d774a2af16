//! Setters for method chains.

use super::{ModelConfig, RopeScaling};

impl ModelConfig {
    /// Sets [`block_size`](Self::block_size).
    pub fn with_block_size(mut self, block_size: usize) -> Self {
        self.block_size = block_size;
        self
    }

    /// Sets [`vocab_size`](Self::vocab_size).
    pub fn with_vocab_size(mut self, vocab_size: usize) -> Self {
        self.vocab_size = vocab_size;
        self
    }

    /// Sets [`n_layer`](Self::n_layer).
    pub fn with_n_layer(mut self, n_layer: usize) -> Self {
        self.n_layer = n_layer;
        self
    }

    /// Sets [`n_head`](Self::n_head).
    pub fn with_n_head(mut self, n_head: usize) -> Self {
        self.n_head = n_head;
        self
    }

    /// Sets [`n_kv_head`](Self::n_kv_head).
    pub fn with_n_kv_head(mut self, n_kv_head: usize) -> Self {
        self.n_kv_head = n_kv_head;
        self
    }

    /// Sets [`n_embd`](Self::n_embd).
    pub fn with_n_embd(mut self, n_embd: usize) -> Self {
        self.n_embd = n_embd;
        self
    }

    /// Sets [`dropout`](Self::dropout).
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Sets [`bias`](Self::bias).
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets [`multiple_of`](Self::multiple_of).
    pub fn with_multiple_of(mut self, multiple_of: usize) -> Self {
        self.multiple_of = multiple_of;
        self
    }

    /// Sets [`intermediate_size`](Self::intermediate_size).
    pub fn with_intermediate_size(mut self, intermediate_size: impl Into<Option<usize>>) -> Self {
        self.intermediate_size = intermediate_size.into();
        self
    }

    /// Sets [`head_dim`](field@Self::head_dim).
    pub fn with_head_dim(mut self, head_dim: impl Into<Option<usize>>) -> Self {
        self.head_dim = head_dim.into();
        self
    }

    /// Sets [`rms_norm_eps`](Self::rms_norm_eps).
    pub fn with_rms_norm_eps(mut self, rms_norm_eps: f64) -> Self {
        self.rms_norm_eps = rms_norm_eps;
        self
    }

    /// Sets [`rope_theta`](Self::rope_theta).
    pub fn with_rope_theta(mut self, rope_theta: f64) -> Self {
        self.rope_theta = rope_theta;
        self
    }

    /// Sets [`rope_scaling`](Self::rope_scaling).
    pub fn with_rope_scaling(mut self, rope_scaling: impl Into<Option<RopeScaling>>) -> Self {
        self.rope_scaling = rope_scaling.into();
        self
    }

    /// Sets [`tie_word_embeddings`](Self::tie_word_embeddings).
    pub fn with_tie_word_embeddings(mut self, tie_word_embeddings: bool) -> Self {
        self.tie_word_embeddings = tie_word_embeddings;
        self
    }

    /// Sets [`qkv_bias`](Self::qkv_bias).
    pub fn with_qkv_bias(mut self, qkv_bias: bool) -> Self {
        self.qkv_bias = qkv_bias;
        self
    }

    /// Sets [`attention_output_bias`](Self::attention_output_bias).
    pub fn with_attention_output_bias(mut self, attention_output_bias: bool) -> Self {
        self.attention_output_bias = attention_output_bias;
        self
    }

    /// Sets [`qk_norm`](Self::qk_norm).
    pub fn with_qk_norm(mut self, qk_norm: bool) -> Self {
        self.qk_norm = qk_norm;
        self
    }
}
