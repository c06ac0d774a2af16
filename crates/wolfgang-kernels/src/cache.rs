//! The KV cache of one layer.

mod page_pool;

pub use page_pool::PagePool;

use crate::KernelError;
use crate::disjoint_slice::DisjointSlice;
use crate::simd::{LANES, Simd};
use bytemuck::Pod;
use page_pool::Page;
use std::ops::Range;
use std::sync::Arc;

/// Element type of a KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFormat {
    /// Single precision, 32 bits.
    F32,
    /// Half precision, 16 bits.
    F16,
}

impl CacheFormat {
    fn element_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// Number of positions of a page: a multiple of 16, so that a page has whole blocks of keys. A
/// larger page would leave more memory unused after the last position, a smaller one would divide
/// the blocks of keys that attention computes at once.
pub(crate) const PAGE_POSITIONS: usize = 64;

/// Number of blocks of 16 positions of a page.
pub(crate) const PAGE_BLOCKS: usize = PAGE_POSITIONS / LANES;

/// KV cache of one layer.
///
/// Memory is allocated in pages of 64 positions by [`reserve`](Self::reserve), when they are
/// needed. Clones share the pages; a shared page is copied before it is written.
#[derive(Clone, Debug)]
pub struct Cache {
    pool: PagePool,
    pages: Vec<Arc<Page>>,
}

/// Where the keys and values of each head are in a page, in vectors of 16 numbers.
///
/// Each head has its keys, `[PAGE_BLOCKS, head_dim, 16]`, and then its values,
/// `[PAGE_POSITIONS, head_dim rounded up to 16]`. Keys are interleaved by dimension, so that the
/// scores of the 16 positions of a block are computed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLayout {
    head_dim: usize,
}

impl PageLayout {
    /// Number of vectors for the values of one position and head.
    pub(crate) fn value_vectors(self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// Number of vectors for the keys and values of one head, or `None` if it is too large.
    fn head_vectors(self) -> Option<usize> {
        let keys = PAGE_BLOCKS.checked_mul(self.head_dim)?;
        keys.checked_add(PAGE_POSITIONS.checked_mul(self.value_vectors())?)
    }

    /// The keys of a block, of which there are [`PAGE_BLOCKS`].
    pub(crate) fn keys(self, head: usize, block: usize) -> Range<usize> {
        let values = PAGE_POSITIONS * self.value_vectors();
        let start = head * (PAGE_BLOCKS * self.head_dim + values) + block * self.head_dim;
        start..start + self.head_dim
    }

    /// The values of all positions.
    pub(crate) fn all_values(self, head: usize) -> Range<usize> {
        let start = self.keys(head, PAGE_BLOCKS).start;
        start..start + PAGE_POSITIONS * self.value_vectors()
    }

    /// The values of a position, of which there are [`PAGE_POSITIONS`].
    pub(crate) fn values(self, head: usize, position: usize) -> Range<usize> {
        let vectors = self.value_vectors();
        let start = self.all_values(head).start + position * vectors;
        start..start + vectors
    }
}

/// A number in the element type of a cache; `u16` is the bits of an f16.
pub(crate) trait Element: Pod + Send {
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F;
    fn store<S: Simd>(simd: S, x: S::F, to: &mut [Self; LANES]);
}

impl Element for f32 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F {
        simd.load(from)
    }

    #[inline(always)]
    fn store<S: Simd>(simd: S, x: S::F, to: &mut [Self; LANES]) {
        simd.store(x, to);
    }
}

impl Element for u16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F {
        simd.widen(from)
    }

    #[inline(always)]
    fn store<S: Simd>(simd: S, x: S::F, to: &mut [Self; LANES]) {
        simd.narrow(x, to);
    }
}

impl Cache {
    /// Creates a cache without any positions. Nothing is allocated.
    pub fn new(pool: &PagePool) -> Self {
        Self {
            pool: pool.clone(),
            pages: Vec::new(),
        }
    }

    /// Prepares these positions for writing: allocates the pages up to their end that do not exist,
    /// and copies those of their pages that are shared with a clone.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`]. The positions before these are unchanged.
    pub fn reserve(&mut self, positions: Range<usize>) -> Result<(), KernelError> {
        let end = positions.end.div_ceil(PAGE_POSITIONS);
        let existing = self.pages.iter_mut().take(end);
        for page in existing.skip(positions.start / PAGE_POSITIONS) {
            if Arc::get_mut(page).is_none() {
                *page = Arc::new(self.pool.copy(page)?);
            }
        }
        while self.pages.len() < end {
            self.pages.push(Arc::new(self.pool.alloc()?));
        }
        Ok(())
    }

    /// Removes the pages in which all positions are from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.pages.truncate(len.div_ceil(PAGE_POSITIONS));
    }

    /// Returns the element type.
    pub fn format(&self) -> CacheFormat {
        self.pool.format
    }

    /// Returns the number of key and value heads.
    pub fn heads(&self) -> usize {
        self.pool.heads
    }

    /// Returns the number of dimensions of a head.
    pub fn head_dim(&self) -> usize {
        self.pool.layout.head_dim
    }

    /// Returns the size of all pages in memory, in bytes, including those shared with clones.
    pub fn memory_bytes(&self) -> usize {
        self.pages().map(|(_, bytes)| bytes).sum()
    }

    /// Returns the address and the size in bytes of each page. A page that is shared with a clone
    /// has the same address in both.
    pub fn pages(&self) -> impl Iterator<Item = (usize, usize)> {
        let page = |page: &Arc<Page>| (page.as_ptr().addr(), size_of_val(&***page));
        self.pages.iter().map(page)
    }

    /// Whether both caches have the same number of heads and dimensions.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        (self.pool.heads, self.pool.layout) == (other.pool.heads, other.pool.layout)
    }

    /// Number of positions for which there is memory.
    pub(crate) fn positions(&self) -> usize {
        self.pages.len() * PAGE_POSITIONS
    }

    pub(crate) fn layout(&self) -> PageLayout {
        self.pool.layout
    }

    /// The vectors of a page, see [`PageLayout`].
    #[inline(always)]
    pub(crate) fn page<E: Element>(&self, page: usize) -> &[[E; LANES]] {
        bytemuck::cast_slice(&self.pages[page])
    }

    /// The vectors of the pages of these positions, for writing by several threads.
    ///
    /// # Panics
    /// If the positions are not [reserved](Self::reserve).
    pub(crate) fn pages_mut<E: Element>(
        &mut self,
        positions: Range<usize>,
    ) -> Vec<DisjointSlice<'_, [E; LANES]>> {
        let range = positions.start / PAGE_POSITIONS..positions.end.div_ceil(PAGE_POSITIONS);
        let number = range.len();
        let unique = self.pages[range].iter_mut().filter_map(Arc::get_mut);
        let pages: Vec<_> = unique
            .map(|page| DisjointSlice::new(bytemuck::cast_slice_mut(page)))
            .collect();
        assert_eq!(pages.len(), number, "the positions are not reserved");
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(cache: &mut Cache, position: usize, number: f32) {
        cache.reserve(position..position + 1).unwrap();
        let at = cache.layout().values(0, position % PAGE_POSITIONS);
        let pages = cache.pages_mut::<f32>(position..position + 1);
        // SAFETY: no other part is in use.
        let vectors = unsafe { pages[0].part(at) };
        vectors[0][0] = number;
    }

    fn read(cache: &Cache, position: usize) -> f32 {
        let at = cache.layout().values(0, position % PAGE_POSITIONS);
        cache.page::<f32>(position / PAGE_POSITIONS)[at][0][0]
    }

    /// Number of pages that both caches have.
    fn shared(one: &Cache, other: &Cache) -> usize {
        let pages = one.pages().zip(other.pages());
        pages.filter(|(one, other)| one == other).count()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri aborts when an allocation fails")]
    fn a_failed_allocation_is_an_error() {
        for head_dim in [1 << 52, usize::MAX] {
            let mut cache = Cache::new(&PagePool::new(CacheFormat::F16, 3, head_dim));
            let error = cache.reserve(0..1);
            assert!(matches!(error, Err(KernelError::NoMemory { .. })));
            assert_eq!(cache.memory_bytes(), 0);
        }
    }

    #[test]
    fn memory_grows_with_the_positions_in_use() {
        // Keys, 20, and values, rounded up to 32.
        let position = |bytes: usize| 3 * (20 + 32) * bytes;
        for (format, bytes) in [(CacheFormat::F32, 4), (CacheFormat::F16, 2)] {
            let mut cache = Cache::new(&PagePool::new(format, 3, 20));
            assert_eq!(cache.memory_bytes(), 0);
            for (start, end, pages) in [(0, 1, 1), (1, 64, 1), (64, 65, 2), (65, 1000, 16)] {
                cache.reserve(start..end).unwrap();
                assert_eq!(cache.memory_bytes(), pages * 64 * position(bytes));
            }
            cache.truncate(65);
            assert_eq!(cache.memory_bytes(), 2 * 64 * position(bytes));
            cache.truncate(0);
            assert_eq!(cache.memory_bytes(), 0);
        }
    }

    #[test]
    fn clones_share_pages_and_copy_only_those_that_are_written() {
        let mut cache = Cache::new(&PagePool::new(CacheFormat::F32, 2, 4));
        for position in 0..150 {
            write(&mut cache, position, position as f32);
        }
        let mut copy = cache.clone();
        assert_eq!(shared(&cache, &copy), 3);
        write(&mut copy, 100, -1.0);
        assert_eq!(shared(&cache, &copy), 2);
        write(&mut cache, 149, -2.0);
        assert_eq!(shared(&cache, &copy), 1);
        let found = [&cache, &copy].map(|cache| [99, 100, 149].map(|at| read(cache, at)));
        assert_eq!(found, [[99.0, 100.0, -2.0], [99.0, -1.0, 149.0]]);
        drop(cache);
        let before: Vec<_> = copy.pages().collect();
        copy.reserve(0..150).unwrap();
        assert!(
            copy.pages().eq(before),
            "a page that is not shared is not copied"
        );
    }
}
