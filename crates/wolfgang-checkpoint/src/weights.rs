//! The numbers in a stored tensor.

use crate::CheckpointError;
use burn::tensor::{Bytes, DType, TensorData};
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
    // Elements are read where they lie, which takes an address that suits them.
    let bytes = match bytes.as_ptr().align_offset(tensor.dtype.size()) {
        0 => bytes,
        _ => Bytes::from_elems(bytes.to_vec()),
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
