//! Transfer of tensors from a device to the host.

use crate::ModelError;
use crate::catch_panic::catch_panic;
use burn::tensor::Tensor;

/// Waits for a tensor and copies it to host memory as f32, in row-major order.
///
/// # Errors
/// [`ModelError::Backend`]. Devices compute asynchronously, so failures of earlier operations are
/// reported here.
pub(crate) fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    catch_panic(|| tensor.try_into_vec_as::<f32>())?.map_err(ModelError::backend)
}
