//! The causal mask.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// Masks for any number of tokens at any position. They are made on the device from one triangle,
/// so that a forward pass uploads only ids.
#[derive(Module, Debug)]
pub(crate) struct CausalMask {
    /// `[rows, rows]`: 0 up to the diagonal and −∞ after it. A plain tensor, because it is a
    /// constant and not a parameter.
    triangle: Tensor<2>,
    rows: usize,
}

impl CausalMask {
    /// Masks of more than `rows` tokens are concatenated from several triangles.
    pub(crate) fn new(rows: usize, device: &Device, dtype: DType) -> Self {
        let mut triangle = vec![0.0; rows * rows];
        for (row, line) in triangle.chunks_exact_mut(rows).enumerate() {
            line[row + 1..].fill(f32::NEG_INFINITY);
        }
        let triangle = TensorData::new(triangle, [rows, rows]);
        Self {
            triangle: Tensor::from_data(triangle, (device, dtype)),
            rows,
        }
    }

    /// Returns the mask of `seq` tokens from position `start` on, `[seq, start + seq]`: 0 for
    /// positions that a token attends to, otherwise −∞. `None` for a single token, which attends to
    /// all.
    pub(crate) fn at(&self, start: usize, seq: usize) -> Option<Tensor<2>> {
        if seq == 1 {
            return None;
        }
        let rows = |done: usize| {
            let rows = self.rows.min(seq - done);
            let constant = |width: usize, value: f32| {
                let options = (&self.triangle.device(), self.triangle.dtype());
                (width > 0).then(|| Tensor::<2>::full([rows, width], value, options))
            };
            let triangle = self.triangle.clone().narrow(0, 0, rows).narrow(1, 0, rows);
            let columns = [
                constant(start + done, 0.0),
                Some(triangle),
                constant(seq - done - rows, f32::NEG_INFINITY),
            ];
            Tensor::cat(columns.into_iter().flatten().collect(), 1)
        };
        Some(Tensor::cat(
            (0..seq).step_by(self.rows).map(rows).collect(),
            0,
        ))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_token_attends_to_itself_and_to_earlier_positions() {
        let mask = CausalMask::new(3, &Device::flex(), DType::F32);
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
