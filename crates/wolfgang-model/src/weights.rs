//! The weights' way from the host to the device.

use crate::contained::contained;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::room::Room;
use crate::spread::is_flex;
use crate::{ModelError, Parameter, Precision};
use burn::tensor::{Device, Tensor, TensorData};

/// Weights on a device, to be made into layers in the order of [`matrices`].
pub(crate) struct Weights {
    tensors: Vec<Tensor<1>>,
    taken: usize,
}

impl Weights {
    /// Has `fill` write each of `parameters`, and sends them to `device`.
    pub(crate) fn read<E: From<ModelError>>(
        parameters: &[Parameter],
        device: &Device,
        precision: Precision,
        mut fill: impl FnMut(&Parameter, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let matrices = matrices(parameters);
        let sizes: Vec<usize> = matrices
            .iter()
            .map(|parts| parts.iter().map(|part| part.n_weights()).sum())
            .collect();
        let fill = |matrix: usize, mut rest: &mut [f32]| {
            for part in &matrices[matrix] {
                let (weights, behind) = rest.split_at_mut(part.n_weights());
                fill(part, weights)?;
                rest = behind;
            }
            Ok::<_, E>(())
        };
        Ok(Self {
            tensors: upload(&sizes, device, precision, fill)?,
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

/// Puts the parameters together that are multiplied with the same vector, row below row: one product instead of two
/// or three. Everything else stands alone, in the order given.
fn matrices(parameters: &[Parameter]) -> Vec<Vec<&Parameter>> {
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

/// One tensor of each of the sizes.
fn upload<E: From<ModelError>>(
    sizes: &[usize],
    device: &Device,
    precision: Precision,
    mut fill: impl FnMut(usize, &mut [f32]) -> Result<(), E>,
) -> Result<Vec<Tensor<1>>, E> {
    let on_device = (device, precision.dtype());
    if is_flex(device) && precision == Precision::F32 {
        let mut room = Room::filled(sizes, fill)?;
        let tensor = |size: &usize| Tensor::from_data(room.take(*size), on_device);
        return Ok(sizes.iter().map(tensor).collect());
    }
    let tensor = |(index, size): (usize, &usize)| {
        let mut weights = room(*size)?;
        fill(index, &mut weights)?;
        let weights = TensorData::new(weights, [*size]);
        Ok(contained(|| Tensor::from_data(weights, on_device))?)
    };
    sizes.iter().enumerate().map(tensor).collect()
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
