//! The order of rows in queries and keys, in their biases and in their norms.
//!
//! The rotary embedding of Llama pairs row i of a head with row i + head_dim / 2; that of the
//! original pairs adjacent rows. For the same result, row 2i + p of a head in the original is row
//! p · head_dim / 2 + i in Llama.

use crate::tensor::Tensor;
use burn::tensor::Bytes;

/// Whether the rotary embedding is applied to the output of this parameter.
pub(crate) fn is_rotated(name: &str) -> bool {
    const MODULES: [&str; 4] = ["wq", "wk", "q_norm", "k_norm"];
    let module = name.split_once(".attention.").map(|(_, module)| module);
    let module = module.and_then(|module| module.split_once('.'));
    module.is_some_and(|(module, _)| MODULES.contains(&module))
}

/// Converts the order of Llama to that of the original.
pub(crate) fn interleaved(tensor: Tensor, head_dim: usize) -> Tensor {
    let half = head_dim / 2;
    reordered(tensor, head_dim, move |row| row % 2 * half + row / 2)
}

/// Converts the order of the original to that of Llama.
pub(super) fn in_halves(tensor: Tensor, head_dim: usize) -> Tensor {
    let half = head_dim / 2;
    reordered(tensor, head_dim, move |row| row % half * 2 + row / half)
}

/// Returns the tensor in which row r of each head is row `from(r)` of the given tensor. The given
/// tensor is read when the bytes of the result are requested.
fn reordered(
    tensor: Tensor,
    head_dim: usize,
    from: impl Fn(usize) -> usize + Send + Sync + 'static,
) -> Tensor {
    let rows = tensor.shape.first().copied().unwrap_or(0);
    if head_dim < 2 || !rows.is_multiple_of(head_dim) {
        // An invalid shape, which validation reports later.
        return tensor;
    }
    let (name, dtype, shape) = (tensor.name.clone(), tensor.dtype, tensor.shape.clone());
    let len = tensor.byte_len();
    let reorder = move || {
        let bytes = tensor.to_bytes()?;
        let row_len = len / rows.max(1);
        let mut ordered = Vec::with_capacity(len);
        for row in 0..rows {
            let (head, within) = (row / head_dim, row % head_dim);
            let stored = head * head_dim + from(within);
            ordered.extend_from_slice(&bytes[stored * row_len..(stored + 1) * row_len]);
        }
        Ok(Bytes::from_bytes_vec(ordered))
    };
    Tensor::deferred(name, dtype, shape, None, len, reorder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::DType;

    #[test]
    fn the_conversions_are_inverses() {
        let bytes: Vec<u8> = (0..48).collect();
        let tensor = Tensor::new(
            "wq".to_owned(),
            DType::U8,
            [12, 4],
            None,
            Bytes::from_bytes_vec(bytes.clone()),
        );
        let halves = in_halves(tensor, 6);
        let firsts: Vec<u8> = halves
            .to_bytes()
            .unwrap()
            .chunks(4)
            .map(|row| row[0] / 4)
            .collect();
        assert_eq!(firsts, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        assert_eq!(interleaved(halves, 6).to_bytes().unwrap()[..], bytes);
    }
}
