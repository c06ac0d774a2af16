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

    /// in · out.
    pub(crate) fn n_weights(&self) -> usize {
        self.weight.shape().num_elements()
    }

    /// `[batch, seq, in]` → `[batch, seq, out]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, seq, width] = x.dims();
        let y = product(x.reshape([batch * seq, width]), self.weight.val());
        let out = y.dims()[1];
        y.reshape([batch, seq, out])
    }
}

/// A product of one row is cut into this many, which `flex` computes on all cores; with fewer, it does not.
const SLICES: usize = 4;

/// From this many weights on, cutting is worth it (and `flex` uses more than one core).
const WORTH_CUTTING: usize = 1 << 21;

/// x Wᵀ: `[rows, in]` and `[out, in]` → `[rows, out]`.
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let [out, width] = weight.dims();
    if x.dims()[0] == 1 && out * width >= WORTH_CUTTING && out.is_multiple_of(SLICES) {
        let slices = weight
            .reshape([SLICES, out / SLICES, width])
            .swap_dims(1, 2);
        return x.unsqueeze::<3>().matmul(slices).reshape([1, out]);
    }
    x.matmul(weight.transpose())
}
