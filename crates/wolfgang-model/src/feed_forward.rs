//! SwiGLU.

use crate::linear::Linear;
use crate::spread::Spread;
use burn::module::Module;
use burn::tensor::{Tensor, activation::silu};

/// The gated feed-forward layer (Shazeer 2020): w2(silu(w1 x) · w3 x).
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    pub(crate) w1: Linear,
    pub(crate) w2: Linear,
    pub(crate) w3: Linear,
}

impl FeedForward {
    /// `[batch, seq, n_embd]` → the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, spread: Spread) -> Tensor<3> {
        let up = x.clone();
        let gate = || silu(self.w1.forward(x, spread));
        let (gate, up) = spread.both(self.w1.n_weights(), gate, || self.w3.forward(up, spread));
        self.w2.forward(gate * up, spread)
    }
}
