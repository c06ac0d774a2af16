//! One layer of the transformer.

use crate::attention::{Attention, ForwardContext};
use crate::feed_forward::FeedForward;
use crate::kv_cache::LayerCache;
use crate::norm::RmsNorm;
use burn::module::Module;
use burn::tensor::Tensor;

/// A pre-norm residual block: attention, then feed-forward, each added to its input.
#[derive(Module, Debug)]
pub(crate) struct Block {
    pub(crate) attention_norm: RmsNorm,
    pub(crate) attention: Attention,
    pub(crate) ffn_norm: RmsNorm,
    pub(crate) feed_forward: FeedForward,
}

impl Block {
    /// `[batch, seq, n_embd]` → the same shape.
    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        context: &ForwardContext,
        cache: Option<&mut LayerCache>,
    ) -> Tensor<3> {
        let attended =
            self.attention
                .forward(self.attention_norm.forward(x.clone()), context, cache);
        let x = x + attended;
        let transformed = self.feed_forward.forward(self.ffn_norm.forward(x.clone()));
        x + transformed
    }
}
