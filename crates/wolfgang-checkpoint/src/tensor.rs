//! Tensors as they are stored in a file.

use crate::CheckpointError;
use burn::tensor::Bytes;
use std::path::Path;

/// Name, shape, element type, and bytes that are read when they are requested.
pub(crate) type Tensor = burn_pack::Tensor;

/// A parameter as it is stored in a file.
#[derive(Clone, Debug)]
pub(crate) struct StoredTensor {
    pub(crate) tensor: Tensor,
    /// The scale of each row, for an int8 matrix.
    pub(crate) scales: Option<Tensor>,
}

impl StoredTensor {
    /// Returns the tensor and, for an int8 matrix, its scales.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.tensor).chain(&self.scales)
    }

    /// Returns the size in bytes, including scales.
    pub(crate) fn byte_len(&self) -> u64 {
        self.tensors().map(|tensor| tensor.byte_len() as u64).sum()
    }

    /// Returns the length of a row; a vector has one row.
    pub(crate) fn width(&self) -> usize {
        self.tensor.shape.last().copied().unwrap_or(1).max(1)
    }
}

/// Reads the bytes of a tensor and checks that their number matches its shape and element type.
///
/// # Errors
/// [`CheckpointError::Damaged`].
pub(crate) fn read_bytes(path: &Path, tensor: &Tensor) -> Result<Bytes, CheckpointError> {
    let bytes = tensor
        .to_bytes()
        .map_err(|e| CheckpointError::damaged(path, e))?;
    let n = tensor.shape.num_elements();
    if bytes.len() == n * tensor.dtype.size() {
        Ok(bytes)
    } else {
        let (name, found) = (&tensor.name, bytes.len());
        let message = format!("{name} has {found} bytes for {n} numbers");
        Err(CheckpointError::damaged(path, message))
    }
}
