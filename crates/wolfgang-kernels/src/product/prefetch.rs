//! Asking memory for weights before they are needed.

use crate::simd::Simd;

/// How far ahead, in bytes, where weights are read once: less than a page.
const NEAR_DISTANCE_BYTES: usize = 2 << 10;

const LINE: usize = 64;

/// What a pass over weights asks for on its way.
#[derive(Clone, Copy)]
pub(super) struct Prefetcher {
    /// How far away that is, in bytes.
    distance: usize,
    /// It is every so manieth cache line; 0 for none.
    every: usize,
    /// Lines since the last.
    count: usize,
}

impl Prefetcher {
    /// For few rows: the processor looks far enough ahead by itself.
    pub(super) const NONE: Self = Self {
        distance: 0,
        every: 0,
        count: 0,
    };

    /// For so many rows that the processor has too much to compute between two reads to look ahead.
    pub(super) const ALL: Self = Self {
        distance: NEAR_DISTANCE_BYTES,
        every: 1,
        count: 0,
    };

    /// For one of several passes over the same weights, of so many bytes: its share of those behind them. So memory is
    /// read all the time, and not in the first pass only.
    pub(super) fn share(pass: usize, passes: usize, bytes: usize) -> Self {
        Self {
            distance: bytes,
            every: passes,
            count: pass,
        }
    }

    /// Asks for what is so far behind a group of weights.
    #[inline(always)]
    pub(super) fn of<S: Simd, T>(&mut self, simd: S, group: &T) {
        if self.every == 0 {
            return;
        }
        // It may lie behind the matrix: asking for what is not there does nothing.
        let address = std::ptr::from_ref(group)
            .cast::<u8>()
            .wrapping_add(self.distance);
        for line in 0..size_of::<T>().div_ceil(LINE) {
            self.count += 1;
            if self.count >= self.every {
                self.count = 0;
                simd.prefetch(address.wrapping_add(LINE * line));
            }
        }
    }
}
