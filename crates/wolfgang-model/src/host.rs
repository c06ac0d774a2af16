//! The logits' way from the device to the host.

use crate::ModelError;
use crate::contained::contained;
use burn::tensor::Tensor;

/// Waits for a tensor and copies it from its device into host memory, row by row, as f32.
///
/// # Errors
/// [`ModelError::Backend`]: devices work ahead, so whatever failed on the way to this tensor shows here.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    contained(|| tensor.try_into_vec_as::<f32>())?.map_err(ModelError::backend)
}
