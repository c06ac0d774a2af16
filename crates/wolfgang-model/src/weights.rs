//! The weights' way from the host to the device.

use crate::contained::contained;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::room::Room;
use crate::spread::is_flex;
use crate::{ModelError, Parameter, Precision};
use burn::tensor::{Device, Tensor, TensorData};

/// Weights on a device, to be made into layers in the order of [`ModelConfig::parameters`](crate::ModelConfig).
pub(crate) struct Weights {
    tensors: Vec<Tensor<1>>,
    taken: usize,
}

impl Weights {
    /// Has `fill` write each of `parameters` in turn, and sends them to `device`.
    pub(crate) fn read<E: From<ModelError>>(
        parameters: &[Parameter],
        device: &Device,
        precision: Precision,
        mut fill: impl FnMut(&Parameter, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let on_device = (device, precision.dtype());
        let mut tensors = Vec::with_capacity(parameters.len());
        if is_flex(device) && precision == Precision::F32 {
            let mut room = Room::filled(parameters, fill)?;
            for parameter in parameters {
                tensors.push(Tensor::from_data(
                    room.take([parameter.n_weights()]),
                    on_device,
                ));
            }
        } else {
            for parameter in parameters {
                let mut weights = vec![0f32; parameter.n_weights()];
                fill(parameter, &mut weights)?;
                let weights = TensorData::new(weights, [parameter.n_weights()]);
                tensors.push(contained(|| Tensor::from_data(weights, on_device))?);
            }
        }
        Ok(Self { tensors, taken: 0 })
    }

    /// The next parameter, which has this shape.
    pub(crate) fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let tensor = self.tensors[self.taken].clone();
        self.taken += 1;
        tensor.reshape(shape)
    }

    /// The next parameter, `[out, width]`, as a linear layer.
    pub(crate) fn linear(&mut self, out: usize, width: usize) -> Linear {
        Linear::new(self.tensor([out, width]))
    }

    /// The next parameter, `[width]`, as a norm.
    pub(crate) fn norm(&mut self, width: usize) -> RmsNorm {
        RmsNorm::new(self.tensor([width]))
    }
}
