//! A linear layer without bias.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// y = x Wᵀ, with W in the layout of the checkpoints.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    /// `[out, in]`.
    weight: Param<Tensor<2>>,
}

impl Linear {
    pub(crate) fn new(weight: Tensor<2>) -> Self {
        Self {
            weight: Param::from_tensor(weight),
        }
    }

    /// `[batch, seq, in]` → `[batch, seq, out]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, seq, width] = x.dims();
        let x = x.reshape([batch * seq, width]);
        let y = x.matmul(self.weight.val().transpose());
        let out = y.dims()[1];
        y.reshape([batch, seq, out])
    }
}
