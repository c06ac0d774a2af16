//! The numbers in a stored tensor.

use crate::CheckpointError;
use burn::tensor::{AllocationProperty, Bytes, DType, TensorData};
use std::path::Path;

/// Name, shape, element type, and the bytes when they are asked for.
pub(crate) type Tensor = burn_pack::Tensor;

/// Reads a tensor's weights as f32, whatever floating point type they are stored in.
///
/// # Errors
/// [`CheckpointError::Damaged`] and [`CheckpointError::NotFinite`].
pub(crate) fn read_f32(path: &Path, tensor: &Tensor) -> Result<TensorData, CheckpointError> {
    let data = read(path, tensor)?.convert_dtype(DType::F32);
    let values = data.as_slice::<f32>().map_err(|e| damaged(path, e))?;
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(data),
        Some(index) => Err(CheckpointError::NotFinite {
            path: path.to_path_buf(),
            tensor: tensor.name.clone(),
            index,
            value: values[index],
        }),
    }
}

/// Reads a tensor's weights as they are stored.
pub(crate) fn read(path: &Path, tensor: &Tensor) -> Result<TensorData, CheckpointError> {
    let bytes = tensor.to_bytes().map_err(|e| damaged(path, e))?;
    // A mapped file must not outlive the reading of it, and elements need an address that suits them.
    let mapped = matches!(bytes.property(), AllocationProperty::File);
    let bytes = if mapped || bytes.as_ptr().align_offset(tensor.dtype.size()) != 0 {
        Bytes::from_bytes_vec(bytes.to_vec())
    } else {
        bytes
    };
    TensorData::try_from_bytes(bytes, tensor.shape.clone(), tensor.dtype)
        .map_err(|e| damaged(path, e))
}

fn damaged(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> CheckpointError {
    CheckpointError::Damaged {
        path: path.to_path_buf(),
        source: source.into(),
    }
}
