//! Numbers that are not finite, or not in the element type of the cache, make the result of
//! attention NaN, on every instruction set: it is never a finite number.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use wolfgang_kernels::{Cache, CacheFormat, Cpu, Isa, PagePool, Rotation, RowMatrix, Sequence};

const DIM: usize = 20;
const POSITIONS: usize = 40;

/// Offsets of query, key and value in a row: one head of each.
const QUERY: usize = 0;
const KEY: usize = DIM;
const VALUE: usize = 2 * DIM;

/// Numbers between -1 and 1, except `number` at one place.
fn qkv(position: usize, at: usize, number: f32) -> RowMatrix {
    let mut rows = RowMatrix::default();
    rows.reset(POSITIONS, 3 * DIM);
    for row in 0..POSITIONS {
        for (i, x) in rows.row_mut(row).iter_mut().enumerate() {
            *x = ((row * 3 * DIM + i) as f32 * 1.7).sin();
        }
    }
    rows.row_mut(position)[at] = number;
    rows
}

/// For each position, whether the result of attention is finite.
fn finite(isa: Isa, format: CacheFormat, mut qkv: RowMatrix) -> Vec<bool> {
    let mut cpu = Cpu::new(isa, NonZeroUsize::MIN).unwrap();
    let mut cache = Cache::new(&PagePool::new(format, 1, DIM));
    cache.reserve(0..POSITIONS).unwrap();
    let (cos, sin) = (vec![1.0; POSITIONS * DIM], vec![0.0; POSITIONS * DIM]);
    let rotation = Rotation {
        cos: &cos,
        sin: &sin,
    };
    let mut mixed = RowMatrix::default();
    // One row at a time, so that no row is computed together with a later one.
    let mut all = Vec::new();
    for position in 0..POSITIONS {
        let mut row = RowMatrix::default();
        row.reset(1, qkv.width());
        row.row_mut(0).copy_from_slice(qkv.row_mut(position));
        let mut sequences = [Sequence {
            rows: 0..1,
            start: position,
            cache: &mut cache,
        }];
        cpu.append(&mut row, rotation, &mut sequences);
        cpu.attend(&row, &sequences, &mut mixed);
        all.push(mixed.row(0).iter().all(|x| x.is_finite()));
    }
    all
}

#[test]
fn a_query_that_is_not_finite_makes_its_own_row_nan() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for isa in Isa::all() {
            let found = finite(isa, CacheFormat::F32, qkv(21, QUERY + 3, bad));
            let expected: Vec<bool> = (0..POSITIONS).map(|row| row != 21).collect();
            assert_eq!(found, expected, "{bad} {}", isa.name());
        }
    }
}

#[test]
fn a_key_or_value_that_is_not_finite_makes_all_rows_that_attend_to_it_nan() {
    let expected: Vec<bool> = (0..POSITIONS).map(|row| row < 17).collect();
    for isa in Isa::all() {
        for at in [KEY + 3, VALUE + 3] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for format in [CacheFormat::F32, CacheFormat::F16] {
                    let found = finite(isa, format, qkv(17, at, bad));
                    assert_eq!(found, expected, "{bad} at {at}, {} {format:?}", isa.name());
                }
            }
            // Out of range for f16, but not for f32.
            for large in [65_520.0, -1e6] {
                let found = finite(isa, CacheFormat::F16, qkv(17, at, large));
                assert_eq!(found, expected, "{large} at {at}, {}", isa.name());
                let found = finite(isa, CacheFormat::F32, qkv(17, at, large));
                assert_eq!(found, [true; POSITIONS], "{large} at {at}, {}", isa.name());
            }
        }
    }
}
