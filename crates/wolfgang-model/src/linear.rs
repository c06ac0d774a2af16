//! A linear layer without bias.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// y = x Wᵀ, with W as the checkpoints have it.
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
        let y = product(x.reshape([batch * seq, width]), self.weight.val());
        let out = y.dims()[1];
        y.reshape([batch, seq, out])
    }
}

/// x Wᵀ: `[rows, in]` and `[out, in]` → `[rows, out]`.
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    x.matmul(weight.transpose())
}
