//! Reading of weights, and upload to a device.

use crate::catch_panic::catch_panic;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::{ModelError, Parameter, Precision};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// Reads the rows of a range of one parameter as f32, row by row, into the slice. A vector is one
/// row.
pub type RowReader<'a, E> = Box<dyn Fn(Range<usize>, &mut [f32]) -> Result<(), E> + Sync + 'a>;

/// Groups the parameters that are multiplied with the same input: wq, wk and wv, and w1 and w3.
/// Each group becomes one matrix, concatenated by rows, so that one product replaces two or three;
/// biases are grouped likewise. All other parameters are groups of one. The order is kept.
pub(crate) fn fuse_projections(parameters: &[Parameter]) -> Vec<Vec<&Parameter>> {
    let mut fused: Vec<Vec<&Parameter>> = Vec::new();
    for parameter in parameters {
        let first = [(".wk.", ".wq."), (".wv.", ".wq."), (".w3.", ".w1.")]
            .iter()
            .find(|(name, _)| parameter.name.contains(name))
            .map(|(name, first)| parameter.name.replace(name, first));
        let mut earlier = fused.iter_mut().rev();
        match earlier.find(|parts| first.as_ref() == Some(&parts[0].name)) {
            Some(parts) => parts.push(parameter),
            None => fused.push(vec![parameter]),
        }
    }
    fused
}

/// Weights on a device, in the order of [`fuse_projections`].
pub(crate) struct Weights {
    tensors: Vec<Tensor<1>>,
    /// Number of tensors that have been returned.
    taken: usize,
}

impl Weights {
    /// Reads all parameters and uploads them to `device`. `open` returns the reader of each.
    pub(crate) fn read<'a, E: From<ModelError>>(
        parameters: &[Parameter],
        device: &Device,
        precision: Precision,
        mut open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let mut tensor = |parts: &Vec<&Parameter>| {
            let size = parts.iter().map(|part| part.n_weights()).sum();
            let mut weights = try_zeroed(size)?;
            let mut rest = weights.as_mut_slice();
            for part in parts {
                let (weights, remaining) = rest.split_at_mut(part.n_weights());
                open(part)?(0..part.rows(), weights)?;
                rest = remaining;
            }
            let weights = TensorData::new(weights, [size]);
            let on_device = (device, precision.dtype());
            Ok::<_, E>(catch_panic(|| Tensor::from_data(weights, on_device))?)
        };
        let fused = fuse_projections(parameters);
        let tensors = fused.iter().map(&mut tensor);
        Ok(Self {
            tensors: tensors.collect::<Result<_, E>>()?,
            taken: 0,
        })
    }

    /// Returns the next matrix or vector, which has this shape.
    pub(crate) fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let tensor = self.tensors[self.taken].clone();
        self.taken += 1;
        tensor.reshape(shape)
    }

    /// Returns the next matrix, `[out, width]`, as a linear layer.
    pub(crate) fn linear(&mut self, out: usize, width: usize) -> Linear {
        Linear::new(self.tensor([out, width]))
    }

    /// Returns the next vector, `[width]`, as a norm.
    pub(crate) fn norm(&mut self, width: usize, epsilon: f64) -> RmsNorm {
        RmsNorm::new(self.tensor([width]), epsilon)
    }
}

/// Allocates zeros. A failed allocation is an error here; in `vec!` it would abort the program.
fn try_zeroed(size: usize) -> Result<Vec<f32>, ModelError> {
    let bytes = size * size_of::<f32>();
    let mut zeros = Vec::new();
    zeros
        .try_reserve_exact(size)
        .map_err(|_| ModelError::NoMemory { bytes })?;
    zeros.resize(size, 0.0);
    Ok(zeros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelConfig;

    #[test]
    fn projections_of_the_same_input_are_fused() {
        let config = ModelConfig {
            n_layer: 2,
            ..ModelConfig::default()
        };
        let parameters = config.parameters();
        let fused = fuse_projections(&parameters);
        assert_eq!(fused.concat().len(), parameters.len());
        let names: Vec<Vec<_>> = fused
            .iter()
            .map(|parts| parts.iter().map(|part| part.name.as_str()).collect())
            .collect();
        assert_eq!(names.len(), 1 + 2 * 6 + 1);
        assert_eq!(
            names[8],
            [
                "layers.1.attention.wq.weight",
                "layers.1.attention.wk.weight",
                "layers.1.attention.wv.weight"
            ]
        );
        assert_eq!(
            names[11],
            [
                "layers.1.feed_forward.w1.weight",
                "layers.1.feed_forward.w3.weight"
            ]
        );
        assert_eq!(names[12], ["layers.1.feed_forward.w2.weight"]);
    }
}
