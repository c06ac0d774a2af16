//! The causal mask.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Masks for any number of tokens at any position. They are slices of one tensor, so that a forward
/// pass uploads only ids to the device.
#[derive(Module, Debug)]
pub(crate) struct CausalMask {
    /// `[rows, 2 · block_size]`: row r is 0 up to column `block_size` + r and −∞ after it. The mask
    /// of a token at position p is row 0 from column `block_size` − p on. A plain tensor, because
    /// it is a constant and not a parameter.
    diagonal: Tensor<2>,
    rows: usize,
    block_size: usize,
}

impl CausalMask {
    /// Masks of more than `rows` tokens are concatenated from several slices.
    pub(crate) fn new(rows: usize, block_size: usize, device: &Device, dtype: DType) -> Self {
        let (rows, width) = (rows.min(block_size), 2 * block_size);
        let mut diagonal = vec![0.0; rows * width];
        for (row, line) in diagonal.chunks_exact_mut(width).enumerate() {
            line[(block_size + row + 1).min(width)..].fill(f32::NEG_INFINITY);
        }
        let diagonal = TensorData::new(diagonal, [rows, width]);
        Self {
            diagonal: Tensor::from_data(diagonal, (device, dtype)),
            rows,
            block_size,
        }
    }

    /// Returns the mask of `seq` tokens from position `start` on, `[seq, start + seq]`: 0 for
    /// positions that a token attends to, otherwise −∞. `None` for a single token, which attends to
    /// all.
    pub(crate) fn at(&self, start: usize, seq: usize) -> Option<Tensor<2>> {
        let slice = |done: usize| {
            let rows = self
                .diagonal
                .clone()
                .narrow(0, 0, self.rows.min(seq - done));
            rows.narrow(1, self.block_size - start - done, start + seq)
        };
        match seq {
            1 => None,
            _ if seq <= self.rows => Some(slice(0)),
            _ => Some(Tensor::cat(
                (0..seq).step_by(self.rows).map(slice).collect(),
                0,
            )),
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_token_attends_to_itself_and_to_earlier_positions() {
        let mask = CausalMask::new(3, 8, &Device::flex(), DType::F32);
        assert!(mask.at(3, 1).is_none());
        for (start, seq) in [(0, 2), (0, 3), (5, 3), (0, 8), (1, 7), (6, 2)] {
            let found = mask.at(start, seq).unwrap();
            assert_eq!(found.dims(), [seq, start + seq]);
            let found = found.try_into_vec_as::<f32>().unwrap();
            for (i, value) in found.iter().enumerate() {
                let (row, column) = (i / (start + seq), i % (start + seq));
                let visible = column <= start + row;
                assert_eq!(*value, if visible { 0.0 } else { f32::NEG_INFINITY });
            }
        }
    }
}
