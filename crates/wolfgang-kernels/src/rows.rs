//! Matrices of activations with cache-aligned rows.

use crate::disjoint_slice::DisjointSlice;
use crate::format::PANEL;
use crate::simd::{LANES, Vec16};
use bytemuck::Zeroable;

/// A matrix of f32 `[rows, width]` with cache-aligned rows, each padded with zeros to a multiple of
/// [`PANEL`].
#[derive(Clone, Debug, Default)]
pub struct RowMatrix {
    lines: Vec<Vec16>,
    rows: usize,
    width: usize,
}

/// Distance of two rows of this width in memory: the width rounded up to a multiple of [`PANEL`].
pub(crate) fn stride(width: usize) -> usize {
    width.next_multiple_of(PANEL)
}

impl RowMatrix {
    /// Resizes the matrix to `[rows, width]` and sets it to zero. Memory is reused.
    pub fn reset(&mut self, rows: usize, width: usize) {
        self.lines.clear();
        self.resize(rows, width);
    }

    /// Resizes the matrix to `[rows, width]`, for a result that overwrites it. Until then its
    /// elements are those of former matrices, or zero. Memory is reused.
    pub fn resize(&mut self, rows: usize, width: usize) {
        (self.rows, self.width) = (rows, width);
        let stride = stride(width);
        self.lines.resize(rows * stride / LANES, Vec16::zeroed());
        if width < stride {
            let numbers: &mut [f32] = bytemuck::cast_slice_mut(&mut self.lines);
            let rows = numbers.chunks_exact_mut(stride);
            rows.for_each(|row| row[width..].fill(0.0));
        }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns a row, `[width]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.padded(row)[..self.width]
    }

    /// Returns a mutable row, `[width]`.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let (start, width) = (row * stride(self.width), self.width);
        &mut bytemuck::cast_slice_mut(&mut self.lines)[start..start + width]
    }

    /// Returns a row with its padding.
    pub(crate) fn padded(&self, row: usize) -> &[f32] {
        let stride = stride(self.width);
        &bytemuck::cast_slice(&self.lines)[row * stride..(row + 1) * stride]
    }

    /// Returns all rows with their padding, for writing by several threads.
    pub(crate) fn shared(&mut self) -> DisjointSlice<'_, f32> {
        DisjointSlice::new(bytemuck::cast_slice_mut(&mut self.lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_padded_with_zeros() {
        let mut rows = RowMatrix::default();
        rows.reset(2, 5);
        rows.row_mut(0).fill(1.0);
        rows.row_mut(1).fill(2.0);
        assert_eq!((rows.rows(), rows.width()), (2, 5));
        assert_eq!(rows.row(1), [2.0; 5]);
        assert_eq!(rows.padded(0)[..6], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(rows.padded(0).len(), PANEL);
        assert_eq!(rows.padded(0).as_ptr() as usize % 64, 0);
        rows.reset(1, 40);
        assert_eq!(rows.padded(0), [0.0; 64]);
    }
}
