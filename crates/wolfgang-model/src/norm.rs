//! RMSNorm.

use crate::ModelConfig;
use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

/// Root mean square layer normalisation (Zhang & Sennrich 2019): x / sqrt(mean(x²) + ε) in f32,
/// then times the weight.
#[derive(Module, Debug)]
pub(crate) struct RmsNorm {
    /// `[n_embd]`.
    weight: Param<Tensor<1>>,
}

impl RmsNorm {
    pub(crate) fn new(weight: Tensor<1>) -> Self {
        Self {
            weight: Param::from_tensor(weight),
        }
    }

    /// `[batch, seq, n_embd]` → the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let dtype = x.dtype();
        let x = x.cast(DType::F32);
        let mean_square = x.clone().square().mean_dim(2);
        let normed = x / (mean_square + ModelConfig::RMS_NORM_EPS).sqrt();
        normed.cast(dtype) * self.weight.val().unsqueeze()
    }
}
