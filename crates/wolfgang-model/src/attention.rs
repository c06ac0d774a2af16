//! Grouped-query attention.

use crate::kv_cache::LayerCache;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::rope::Rotation;
use burn::module::Module;
use burn::tensor::{Tensor, activation::softmax};

/// Causal self-attention in which groups of query heads share one key and value head (Ainslie et
/// al. 2023): query head h reads key and value head h / (n_head / n_kv_head).
#[derive(Module, Debug)]
pub(crate) struct Attention {
    /// wq, wk and wv, concatenated by rows.
    pub(crate) wqkv: Linear,
    /// Norms of each head of the queries and of the keys.
    pub(crate) qk_norm: Option<[RmsNorm; 2]>,
    pub(crate) wo: Linear,
    pub(crate) n_head: usize,
    pub(crate) n_kv_head: usize,
    pub(crate) head_dim: usize,
}

/// Inputs of a forward pass that all layers share.
pub(crate) struct ForwardContext {
    /// Position of the first token.
    pub(crate) start: usize,
    pub(crate) rotation: Rotation,
    /// `[seq, start + seq]`; `None` if no position is masked.
    pub(crate) mask: Option<Tensor<2>>,
}

impl Attention {
    /// `[batch, seq, n_embd]` → the same shape. With a cache, the tokens also attend to the cached
    /// positions.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        context: &ForwardContext,
        cache: Option<&mut LayerCache>,
    ) -> Tensor<3> {
        let [batch, seq, _] = x.dims();
        let head_dim = self.head_dim;
        let group = self.n_head / self.n_kv_head;
        let rotated = self.n_head + self.n_kv_head;

        // Heads of queries, then of keys, then of values. Queries and keys are rotated together.
        let qkv = self.wqkv.forward(x);
        let qkv = qkv.reshape([batch, seq, rotated + self.n_kv_head, head_dim]);
        let qk = qkv.clone().narrow(2, 0, rotated);
        let qk = match &self.qk_norm {
            Some([q_norm, k_norm]) => {
                let q = q_norm.forward(qk.clone().narrow(2, 0, self.n_head));
                let k = k_norm.forward(qk.narrow(2, self.n_head, self.n_kv_head));
                Tensor::cat(vec![q, k], 2)
            }
            None => qk,
        };
        let qk = context.rotation.rotate(qk);
        let q = qk.clone().narrow(2, 0, self.n_head);
        let k = qk.narrow(2, self.n_head, self.n_kv_head);
        let v = qkv.narrow(2, rotated, self.n_kv_head);

        let (k, v) = (k.swap_dims(1, 2), v.swap_dims(1, 2));
        let (k, v) = match cache {
            Some(cache) => cache.append(context.start, k, v),
            None => (k, v),
        };
        let total = k.dims()[2];

        // The query heads of a group become rows of one matrix, so that keys and values need not be
        // copied for each query head.
        let q = q
            .swap_dims(1, 2)
            .reshape([batch, self.n_kv_head, group * seq, head_dim]);
        let scores = q.matmul(k.swap_dims(2, 3)) * (head_dim as f64).sqrt().recip();
        let scores = match &context.mask {
            Some(mask) => {
                let by_head = scores.reshape([batch, self.n_head, seq, total]);
                let masked = by_head + mask.clone().unsqueeze();
                masked.reshape([batch, self.n_kv_head, group * seq, total])
            }
            None => scores,
        };
        let mixed = softmax(scores, 3).matmul(v);
        let mixed = mixed
            .reshape([batch, self.n_head, seq, head_dim])
            .swap_dims(1, 2);
        self.wo
            .forward(mixed.reshape([batch, seq, self.n_head * head_dim]))
    }
}
