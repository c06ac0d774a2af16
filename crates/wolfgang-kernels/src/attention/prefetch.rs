//! Software prefetching of keys and values.

use super::tile::CHUNK;
use crate::cache::{Cache, Element, PAGE_POSITIONS};
use crate::simd::{CACHE_LINE, LANES, Simd};
use std::marker::PhantomData;

/// Number of steps between the prefetch of a vector and its use.
const DISTANCE: usize = 16;

/// Prefetches what attention reads next.
pub(super) trait Prefetch<'a> {
    /// Begins with what is read first of a chunk: `positions` positions of a head.
    fn start<S: Simd>(
        simd: S,
        cache: &'a Cache,
        head: usize,
        chunk: usize,
        positions: usize,
    ) -> Self;

    /// Prefetches the next step: the keys of a page for one dimension, or the values of a position.
    fn advance<S: Simd>(&mut self, simd: S);
}

/// No prefetching.
pub(super) struct NoPrefetch;

impl<'a> Prefetch<'a> for NoPrefetch {
    #[inline(always)]
    fn start<S: Simd>(_: S, _: &'a Cache, _: usize, _: usize, _: usize) -> Self {
        Self
    }

    #[inline(always)]
    fn advance<S: Simd>(&mut self, _: S) {}
}

/// Prefetches in the order in which keys and values are read: the keys of each page, dimension by
/// dimension, then the values of each page, position by position.
///
/// A step reads a vector of each of several streams: the blocks of keys, which are too short for
/// hardware prefetchers, or the cache lines of the values of a position.
pub(super) struct PrefetchInOrder<'a, E> {
    cache: &'a Cache,
    head: usize,
    chunk: usize,
    /// Number of positions of the chunk that are read.
    positions: usize,
    /// Number of parts that were begun: the keys of each page, then the values of each page.
    parts: usize,
    /// What is prefetched of the first stream in the next step.
    next: *const u8,
    /// Number of steps left in this part.
    steps: usize,
    /// Distance of two steps in bytes.
    step_bytes: usize,
    streams: usize,
    /// Distance of two streams in bytes.
    stream_bytes: usize,
    element: PhantomData<E>,
}

impl<'a, E: Element> Prefetch<'a> for PrefetchInOrder<'a, E> {
    #[inline(always)]
    fn start<S: Simd>(
        simd: S,
        cache: &'a Cache,
        head: usize,
        chunk: usize,
        positions: usize,
    ) -> Self {
        let mut prefetch = Self {
            cache,
            head,
            chunk,
            positions,
            parts: 0,
            next: std::ptr::null(),
            steps: 0,
            step_bytes: 0,
            streams: 0,
            stream_bytes: 0,
            element: PhantomData,
        };
        for _ in 0..DISTANCE {
            prefetch.advance(simd);
        }
        prefetch
    }

    #[inline(always)]
    fn advance<S: Simd>(&mut self, simd: S) {
        if self.steps == 0 {
            self.begin_part();
            if self.steps == 0 {
                return;
            }
        }
        for stream in 0..self.streams {
            simd.prefetch(self.next.wrapping_add(stream * self.stream_bytes));
        }
        self.next = self.next.wrapping_add(self.step_bytes);
        self.steps -= 1;
    }
}

impl<E: Element> PrefetchInOrder<'_, E> {
    /// Begins the next part, if there is one.
    #[inline(always)]
    fn begin_part(&mut self) {
        let pages = self.positions.div_ceil(PAGE_POSITIONS);
        if self.parts == 2 * pages {
            return;
        }
        let (index, is_keys) = (self.parts % pages, self.parts < pages);
        self.parts += 1;
        let page = self.chunk * CHUNK / PAGE_POSITIONS + index;
        let page = self.cache.page::<E>(page);
        let positions = (self.positions - index * PAGE_POSITIONS).min(PAGE_POSITIONS);
        let (layout, vector_bytes) = (self.cache.layout(), size_of::<[E; LANES]>());
        if is_keys {
            self.next = page[layout.keys(self.head, 0)].as_ptr().cast();
            self.steps = self.cache.head_dim();
            self.step_bytes = vector_bytes;
            self.streams = positions.div_ceil(LANES);
            self.stream_bytes = self.steps * vector_bytes;
        } else {
            self.next = page[layout.all_values(self.head)].as_ptr().cast();
            self.steps = positions;
            self.step_bytes = layout.value_vectors() * vector_bytes;
            self.streams = self.step_bytes.div_ceil(CACHE_LINE);
            self.stream_bytes = CACHE_LINE;
        }
    }
}
