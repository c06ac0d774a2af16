//! Rotary position embedding.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};

const THETA: f32 = 10000.0;

/// Rotary embedding (Su et al. 2021), interleaved: neighbouring pairs are one complex number, and pair i at position
/// t is turned by the angle t · θ^(−2i / head_dim).
#[derive(Module, Debug)]
pub(crate) struct RotaryEmbedding {
    /// Cosines of all angles, `[block_size, head_dim / 2]`. A plain tensor: a constant, no parameter.
    cos: Tensor<2>,
    /// Sines of all angles, `[block_size, head_dim / 2]`.
    sin: Tensor<2>,
}

impl RotaryEmbedding {
    pub(crate) fn new(head_dim: usize, block_size: usize, device: &Device, dtype: DType) -> Self {
        // In f32 throughout, as the original: at position 500 the rounding of the angle shows in the logits.
        let angle =
            |t: usize, i: usize| t as f32 * (1.0 / THETA.powf((2 * i) as f32 / head_dim as f32));
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = (0..block_size)
                .flat_map(|t| (0..head_dim / 2).map(move |i| f(angle(t, i))))
                .collect();
            let values = TensorData::new(values, [block_size, head_dim / 2]);
            Tensor::from_data(values, (device, dtype))
        };
        Self {
            cos: table(f32::cos),
            sin: table(f32::sin),
        }
    }

    /// The rotation of `seq` tokens, the first of which stands at position `start`.
    pub(crate) fn at(&self, start: usize, seq: usize) -> Rotation {
        let rows = |table: &Tensor<2>| {
            let rows = table.clone().narrow(0, start, seq);
            let half = rows.dims()[1];
            rows.reshape([1, seq, 1, half, 1])
        };
        Rotation {
            cos: rows(&self.cos),
            sin: rows(&self.sin),
        }
    }
}

/// The rotation that all heads of all layers undergo in one forward pass.
pub(crate) struct Rotation {
    /// `[1, seq, 1, head_dim / 2, 1]`.
    cos: Tensor<5>,
    /// `[1, seq, 1, head_dim / 2, 1]`.
    sin: Tensor<5>,
}

impl Rotation {
    /// Turns `x`, `[batch, seq, heads, head_dim]`.
    pub(crate) fn turn(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, seq, heads, head_dim] = x.dims();
        let (cos, sin) = (self.cos.clone(), self.sin.clone());
        let pairs = x.reshape([batch, seq, heads, head_dim / 2, 2]);
        let re = pairs.clone().narrow(4, 0, 1);
        let im = pairs.narrow(4, 1, 1);
        let turned_re = re.clone() * cos.clone() - im.clone() * sin.clone();
        let turned_im = re * sin + im * cos;
        Tensor::cat(vec![turned_re, turned_im], 4).reshape([batch, seq, heads, head_dim])
    }
}
