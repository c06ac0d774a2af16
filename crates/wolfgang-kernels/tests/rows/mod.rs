//! Rows of pseudorandom numbers, and their bits.

use std::num::NonZeroUsize;
use wolfgang_kernels::{Cpu, Isa, RowMatrix};

pub(crate) fn cpu(isa: Isa, threads: usize) -> Cpu {
    Cpu::new(isa, NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// Pseudorandom numbers between -1 and 1.
pub(crate) fn mixed(seed: usize, n: usize) -> Vec<f32> {
    let number = |i: usize| ((i + 31 * seed) as f32 * 1.7).sin();
    (0..n).map(number).collect()
}

pub(crate) fn rows_of(numbers: &[f32], width: usize) -> RowMatrix {
    let mut rows = RowMatrix::default();
    rows.reset(numbers.len() / width, width);
    for (row, numbers) in numbers.chunks_exact(width).enumerate() {
        rows.row_mut(row).copy_from_slice(numbers);
    }
    rows
}

/// All numbers of all rows.
pub(crate) fn numbers(rows: &RowMatrix) -> Vec<f32> {
    (0..rows.rows())
        .flat_map(|row| rows.row(row).to_vec())
        .collect()
}

pub(crate) fn bits(rows: &RowMatrix) -> Vec<u32> {
    numbers(rows).into_iter().map(f32::to_bits).collect()
}

/// Rows `from` to `to`.
pub(crate) fn head(numbers: &[f32], width: usize, from: usize, to: usize) -> RowMatrix {
    rows_of(&numbers[from * width..to * width], width)
}
