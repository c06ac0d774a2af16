//! Copies tensors from their device into host memory.

use crate::ModelError;
use crate::contained::contained;
use burn::tensor::Tensor;

/// The elements of a tensor in host memory, row by row, as f32. Waits for the device.
///
/// # Errors
/// [`ModelError::Backend`]: devices work ahead, so whatever failed on the way to this tensor shows here.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    contained(|| tensor.try_into_vec_as::<f32>())?.map_err(ModelError::backend)
}
