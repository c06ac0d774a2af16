//! SwiGLU.

use crate::linear::Linear;
use burn::module::Module;
use burn::tensor::{Tensor, activation::silu};

/// The gated feed-forward layer (Shazeer 2020): w2(silu(w1 x) · w3 x).
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    /// w1 and w3, concatenated by rows.
    pub(crate) w13: Linear,
    pub(crate) w2: Linear,
}

impl FeedForward {
    /// `[batch, seq, n_embd]` → the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let both = self.w13.forward(x);
        let hidden = both.dims()[2] / 2;
        let gate = both.clone().narrow(2, 0, hidden);
        let up = both.narrow(2, hidden, hidden);
        self.w2.forward(silu(gate) * up)
    }
}
