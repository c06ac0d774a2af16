//! Software prefetching of weights.

use crate::simd::{CACHE_LINE, Simd};

/// Prefetch distance in bytes for weights that are read once: less than a page.
const NEAR_DISTANCE_BYTES: usize = 2 << 10;

/// Prefetch distance in bytes for weights that are converted while they are multiplied.
const FAR_DISTANCE_BYTES: usize = 4 << 10;

/// Prefetches weights while a pass reads others.
#[derive(Clone, Copy)]
pub(super) struct Prefetcher {
    /// Distance in bytes between the weights that are read and those that are prefetched.
    distance: usize,
    /// Prefetches every n-th cache line; 0 disables prefetching.
    every: usize,
    /// Number of cache lines since the last prefetch.
    count: usize,
}

impl Prefetcher {
    /// No prefetching: with few rows the hardware prefetcher is sufficient, unless weights are
    /// converted.
    pub(super) const NONE: Self = Self {
        distance: 0,
        every: 0,
        count: 0,
    };

    /// Prefetches every line, for few rows and weights that are converted.
    pub(super) const FAR: Self = Self {
        distance: FAR_DISTANCE_BYTES,
        every: 1,
        count: 0,
    };

    /// Prefetches every line: with many rows the time between two reads is too long for the
    /// hardware prefetcher.
    pub(super) const ALL: Self = Self {
        distance: NEAR_DISTANCE_BYTES,
        every: 1,
        count: 0,
    };

    /// Prefetches this pass's part of the next `bytes` bytes, for one of several passes over the
    /// same weights. Memory is then read in all passes, not only in the first.
    pub(super) fn share(pass: usize, passes: usize, bytes: usize) -> Self {
        Self {
            distance: bytes,
            every: passes,
            count: pass,
        }
    }

    /// Prefetches the lines at the distance from `group`, which is about to be read.
    #[inline(always)]
    pub(super) fn advance<S: Simd, T>(&mut self, simd: S, group: &T) {
        if self.every == 0 {
            return;
        }
        // The address can be past the matrix: prefetching from an invalid address has no effect.
        let address = std::ptr::from_ref(group)
            .cast::<u8>()
            .wrapping_add(self.distance);
        for line in 0..size_of::<T>().div_ceil(CACHE_LINE) {
            self.count += 1;
            if self.count >= self.every {
                self.count = 0;
                simd.prefetch(address.wrapping_add(CACHE_LINE * line));
            }
        }
    }
}
