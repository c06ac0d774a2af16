//! Matrices of activations with cache-aligned rows.

use crate::simd::{LANES, Line};
use bytemuck::Zeroable;
use std::marker::PhantomData;
use std::ops::Range;

/// A matrix of f32 `[rows, width]` with cache-aligned rows, each padded with zeros to a multiple of
/// [`PANEL`].
#[derive(Clone, Debug, Default)]
pub struct RowMatrix {
    lines: Vec<Line>,
    rows: usize,
    width: usize,
}

/// Number of outputs in a panel of weights.
pub const PANEL: usize = 2 * LANES;

/// Numbers that a row of this width takes.
pub(crate) fn stride(width: usize) -> usize {
    width.next_multiple_of(PANEL)
}

impl RowMatrix {
    /// Resizes the matrix to `[rows, width]` and sets it to zero. Memory is reused.
    pub fn reset(&mut self, rows: usize, width: usize) {
        (self.rows, self.width) = (rows, width);
        self.lines.clear();
        let lines = rows * stride(width) / LANES;
        self.lines.resize(lines, Line::zeroed());
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

    /// A row with its padding.
    pub(crate) fn padded(&self, row: usize) -> &[f32] {
        let stride = stride(self.width);
        &bytemuck::cast_slice(&self.lines)[row * stride..(row + 1) * stride]
    }

    /// All rows with their padding, to be written by several threads.
    pub(crate) fn shared(&mut self) -> DisjointSlice<'_, f32> {
        DisjointSlice::new(bytemuck::cast_slice_mut(&mut self.lines))
    }
}

/// A slice of which several threads write different parts.
pub(crate) struct DisjointSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it hands out parts of a mutable slice, each of which may go to another thread if `T` may; that they are
// different parts is what the callers of `part` promise.
unsafe impl<T: Send> Send for DisjointSlice<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for DisjointSlice<'_, T> {}

impl<'a, T> DisjointSlice<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrow: PhantomData,
        }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// As long as it is in use, no part that overlaps with it is.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller promises that nobody else has it"
    )]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: it lies within the slice, which is borrowed for as long as this value lives, and nobody else has
        // this part.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_apart_and_filled_up_with_zeros() {
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
