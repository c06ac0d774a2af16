//! RMSNorm.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

/// Root mean square layer normalisation (Zhang & Sennrich 2019): x / sqrt(mean(x²) + ε) in f32,
/// then times the weight.
#[derive(Module, Debug)]
pub(crate) struct RmsNorm {
    /// `[width]`.
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl RmsNorm {
    pub(crate) fn new(weight: Tensor<1>, epsilon: f64) -> Self {
        Self {
            weight: Param::from_tensor(weight),
            epsilon,
        }
    }

    /// `[…, width]` → the same shape.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let dtype = x.dtype();
        let x = x.cast(DType::F32);
        let mean_square = x.clone().square().mean_dim(D - 1);
        let normed = x / (mean_square + self.epsilon).sqrt();
        normed.cast(dtype) * self.weight.val().unsqueeze()
    }
}
