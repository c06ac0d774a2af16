//! Setters for method chains.

use super::ModelConfig;

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
}
