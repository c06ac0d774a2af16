//! int4 matrices: blocks of 32 weights of a row, each an f16 scale and 32 integers.
//!
//! The blocks are those of ggml's type `Q4_0`. In a record they are bytes: `[rows, blocks · 18]`.

use crate::blocks::BlockType;
use crate::format::Format;
use crate::tensor::Tensor;
use burn::tensor::DType;
use std::collections::BTreeMap;
use wolfgang_model::quantise_group;

/// The element type of a tensor of blocks in a record.
pub(crate) const DTYPE: DType = DType::U8;

/// The blocks.
pub(crate) const BLOCKS: BlockType = BlockType::Q4_0;

/// Converts the shape of a matrix, whose rows consist of whole blocks, to that of its blocks.
pub(crate) fn to_stored_shape(shape: &mut [usize]) {
    if let Some(width) = shape.last_mut() {
        *width = stored_len(*width);
    }
}

/// Returns the size of `n` weights in bytes. `n` is a multiple of a block.
pub(crate) fn stored_len(n: usize) -> usize {
    n / BLOCKS.elements() * BLOCKS.bytes()
}

/// Gives each tensor of blocks the shape and the element type of its weights, as tensors of a GGUF
/// file have, and returns their types by name.
pub(crate) fn find(
    format: Format,
    tensors: &mut BTreeMap<String, Tensor>,
) -> BTreeMap<String, BlockType> {
    let mut found = BTreeMap::new();
    if format != Format::Native {
        return found;
    }
    for (name, tensor) in tensors {
        let [rows, bytes] = tensor.shape[..] else {
            continue;
        };
        if tensor.dtype != DTYPE || !bytes.is_multiple_of(BLOCKS.bytes()) {
            continue;
        }
        let Some(width) = (bytes / BLOCKS.bytes()).checked_mul(BLOCKS.elements()) else {
            continue;
        };
        tensor.dtype = DType::F32;
        tensor.shape = [rows, width].into();
        found.insert(name.clone(), BLOCKS);
    }
    found
}

/// Quantises whole blocks in the same way as a model that computes in int4.
pub(crate) fn encode(values: &[f32], into: &mut [u8]) {
    let mut quants = [0; 32];
    let blocks = into.chunks_exact_mut(BLOCKS.bytes());
    for (block, values) in blocks.zip(values.chunks_exact(BLOCKS.elements())) {
        let scale = quantise_group(values, &mut quants);
        let (to_scale, bytes) = block.split_at_mut(size_of_val(&scale));
        to_scale.copy_from_slice(&scale.to_le_bytes());
        // A byte has a weight of the first half and one of the second.
        let (low, high) = quants.split_at(quants.len() / 2);
        let bits = |q: i8| (q + 8).cast_unsigned();
        for ((byte, low), high) in bytes.iter_mut().zip(low).zip(high) {
            *byte = bits(*low) | bits(*high) << 4;
        }
    }
}
