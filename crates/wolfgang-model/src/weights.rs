//! The weights' way from where they are kept to where they are used.

use crate::catch_panic::catch_panic;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::{ModelError, Parameter, Precision};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// Reads rows of one parameter: those of the range, one behind the other, as f32. A vector is one row.
pub type RowReader<'a, E> = Box<dyn Fn(Range<usize>, &mut [f32]) -> Result<(), E> + Sync + 'a>;

/// Parameters that are multiplied with the same vector, and so become one matrix, row below row: one product instead
/// of two or three. Everything else stands alone. In the order given.
pub(crate) fn matrices(parameters: &[Parameter]) -> Vec<Vec<&Parameter>> {
    let mut matrices: Vec<Vec<&Parameter>> = Vec::new();
    for parameter in parameters {
        let first = [(".wk.", ".wq."), (".wv.", ".wq."), (".w3.", ".w1.")]
            .iter()
            .find(|(name, _)| parameter.name.contains(name))
            .map(|(name, first)| parameter.name.replace(name, first));
        let mut earlier = matrices.iter_mut().rev();
        match earlier.find(|parts| first.as_ref() == Some(&parts[0].name)) {
            Some(parts) => parts.push(parameter),
            None => matrices.push(vec![parameter]),
        }
    }
    matrices
}

/// Weights on a device, to be made into layers in the order of [`matrices`].
pub(crate) struct Weights {
    tensors: Vec<Tensor<1>>,
    taken: usize,
}

impl Weights {
    /// Sends each of `parameters`, which `open` opens, to `device`.
    pub(crate) fn read<'a, E: From<ModelError>>(
        parameters: &[Parameter],
        device: &Device,
        precision: Precision,
        mut open: impl FnMut(&Parameter) -> Result<RowReader<'a, E>, E>,
    ) -> Result<Self, E> {
        let mut tensor = |parts: &Vec<&Parameter>| {
            let size = parts.iter().map(|part| part.n_weights()).sum();
            let mut weights = room(size)?;
            let mut rest = weights.as_mut_slice();
            for part in parts {
                let (weights, behind) = rest.split_at_mut(part.n_weights());
                open(part)?(0..part.rows(), weights)?;
                rest = behind;
            }
            let weights = TensorData::new(weights, [size]);
            let on_device = (device, precision.dtype());
            Ok::<_, E>(catch_panic(|| Tensor::from_data(weights, on_device))?)
        };
        let matrices = matrices(parameters);
        let tensors = matrices.iter().map(&mut tensor);
        Ok(Self {
            tensors: tensors.collect::<Result<_, E>>()?,
            taken: 0,
        })
    }

    /// The next matrix or vector, which has this shape.
    pub(crate) fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let tensor = self.tensors[self.taken].clone();
        self.taken += 1;
        tensor.reshape(shape)
    }

    /// The next matrix, `[out, width]`, as a linear layer.
    pub(crate) fn linear(&mut self, out: usize, width: usize) -> Linear {
        Linear::new(self.tensor([out, width]))
    }

    /// The next vector, `[width]`, as a norm.
    pub(crate) fn norm(&mut self, width: usize) -> RmsNorm {
        RmsNorm::new(self.tensor([width]))
    }
}

/// Zeros, or an error where there is no memory for them: too little of it would end the program.
fn room(size: usize) -> Result<Vec<f32>, ModelError> {
    let bytes = size * size_of::<f32>();
    let mut room = Vec::new();
    room.try_reserve_exact(size)
        .map_err(|_| ModelError::NoMemory { bytes })?;
    room.resize(size, 0.0);
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelConfig;

    #[test]
    fn what_reads_the_same_vector_is_one_matrix() {
        let config = ModelConfig {
            n_layer: 2,
            ..ModelConfig::default()
        };
        let parameters = config.parameters();
        let matrices = matrices(&parameters);
        assert_eq!(matrices.concat().len(), parameters.len());
        let names: Vec<Vec<_>> = matrices
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
