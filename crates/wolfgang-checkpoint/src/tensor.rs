//! Tensors as they are stored in a file.

use crate::CheckpointError;
use crate::blocks::BlockType;
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
    /// The type of the stored blocks, for a block-quantised tensor. The element type of `tensor` is
    /// then f32, that of the weights after dequantisation.
    pub(crate) blocks: Option<BlockType>,
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

    /// Returns the name of the stored element type.
    pub(crate) fn dtype_name(&self) -> &'static str {
        match self.blocks {
            Some(blocks) => blocks.name(),
            None => self.tensor.dtype.name(),
        }
    }

    /// Returns the stored size of `n` elements in bytes. `n` is a whole number of rows.
    pub(crate) fn stored_len(&self, n: usize) -> usize {
        match self.blocks {
            Some(blocks) => n / blocks.elements() * blocks.bytes(),
            None => n * self.tensor.dtype.size(),
        }
    }

    /// Returns the length of a row; a vector has one row.
    pub(crate) fn width(&self) -> usize {
        self.tensor.shape.last().copied().unwrap_or(1).max(1)
    }
}

/// Reads the bytes of a tensor and checks that there are `expected`.
///
/// # Errors
/// [`CheckpointError::Damaged`].
pub(crate) fn read_bytes(
    path: &Path,
    tensor: &Tensor,
    expected: usize,
) -> Result<Bytes, CheckpointError> {
    let bytes = tensor
        .to_bytes()
        .map_err(|e| CheckpointError::damaged(path, e))?;
    if bytes.len() == expected {
        Ok(bytes)
    } else {
        let (name, found, n) = (&tensor.name, bytes.len(), tensor.shape.num_elements());
        let message = format!("{name} has {found} bytes for {n} numbers");
        Err(CheckpointError::damaged(path, message))
    }
}
