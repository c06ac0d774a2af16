//! Tiles of queries and chunks of positions, into which attention is divided.

use crate::simd::LANES;
use std::ops::Range;

/// Number of positions of a chunk, a multiple of those of a page. It is part of the result: another
/// number would change the bits of sequences that are longer.
pub(super) const CHUNK: usize = 512;

/// Number of blocks of 16 positions of a chunk.
pub(super) const CHUNK_BLOCKS: usize = CHUNK / LANES;

/// The queries of some rows of a sequence that share a key and value head. They are numbered by
/// row, then head, so that adjacent ones read the same keys.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) rows: Range<usize>,
    /// The position of the first row in the sequence.
    pub(super) position: usize,
    /// Index of the key and value head.
    pub(super) head: usize,
    /// Number of query heads that share the key and value head.
    pub(super) group: usize,
    pub(super) head_dim: usize,
}

impl Tile {
    pub(super) fn queries(&self) -> usize {
        self.rows.len() * self.group
    }

    /// The row of a query, and its first column.
    pub(super) fn place(&self, query: usize) -> (usize, usize) {
        let head = self.head * self.group + query % self.group;
        (self.rows.start + query / self.group, head * self.head_dim)
    }

    /// Number of positions that a query attends to.
    pub(super) fn visible(&self, query: usize) -> usize {
        self.position + query / self.group + 1
    }
}
