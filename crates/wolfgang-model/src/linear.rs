//! A linear layer.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// y = x Wᵀ + b, with W in the layout of the checkpoints.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    /// `[out, in]`.
    weight: Param<Tensor<2>>,
    /// `[out]`; `None` for 0.
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    pub(crate) fn new(weight: Tensor<2>) -> Self {
        Self {
            weight: Param::from_tensor(weight),
            bias: None,
        }
    }

    /// Sets the bias, `[out]`.
    pub(crate) fn with_bias(mut self, bias: Option<Tensor<1>>) -> Self {
        self.bias = bias.map(Param::from_tensor);
        self
    }

    /// `[batch, seq, in]` → `[batch, seq, out]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, seq, width] = x.dims();
        let x = x.reshape([batch * seq, width]);
        let y = x.matmul(self.weight.val().transpose());
        let y = match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        };
        let out = y.dims()[1];
        y.reshape([batch, seq, out])
    }
}
