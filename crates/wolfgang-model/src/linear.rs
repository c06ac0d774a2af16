//! A linear layer without bias.

use crate::spread::Spread;
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
    pub(crate) fn forward(&self, x: Tensor<3>, spread: Spread) -> Tensor<3> {
        let [batch, seq, width] = x.dims();
        let y = product(x.reshape([batch * seq, width]), self.weight.val(), spread);
        let out = y.dims()[1];
        y.reshape([batch, seq, out])
    }
}

/// Where the spreading is ours, a product of one row is cut into this many, which `flex` computes on all cores; with
/// fewer, it does not.
const SLICES: usize = 4;

/// From this many weights on, cutting is worth it (and `flex` uses more than one core).
const WORTH_CUTTING: usize = 1 << 21;

/// x Wᵀ: `[rows, in]` and `[out, in]` → `[rows, out]`.
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>, spread: Spread) -> Tensor<2> {
    let [out, width] = weight.dims();
    let worth_cutting = out * width >= WORTH_CUTTING && out.is_multiple_of(SLICES);
    if spread == Spread::Cores && x.dims()[0] == 1 && worth_cutting {
        let slices = weight
            .reshape([SLICES, out / SLICES, width])
            .swap_dims(1, 2);
        return x.unsqueeze::<3>().matmul(slices).reshape([1, out]);
    }
    x.matmul(weight.transpose())
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// Numbers between -1 and 1 in no order.
    fn mixed(rows: usize, width: usize) -> Tensor<2> {
        let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 1.7).sin()).collect();
        Tensor::from_data(TensorData::new(values, [rows, width]), &Device::flex())
    }

    #[test]
    fn a_product_in_slices_is_the_same_product() {
        let weight = mixed(4096, 512);
        const { assert!(4096 * 512 >= WORTH_CUTTING) };
        let x = mixed(1, 512);
        let whole = product(x.clone(), weight.clone(), Spread::Backend);
        let sliced = product(x, weight, Spread::Cores);
        assert_eq!(sliced.dims(), [1, 4096]);
        let apart: f32 = (whole - sliced).abs().max().into_scalar();
        assert!(apart < 1e-3, "{apart} apart");
    }
}
