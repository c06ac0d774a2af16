//! Keys and values of one layer.

use crate::simd::{LANES, Line, Simd};
use bytemuck::{Pod, Zeroable};
use half::f16;

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFormat {
    /// f32.
    F32,
    /// f16.
    F16,
}

/// Keys and values for a number of heads and positions.
///
/// Keys lie in blocks of 16 positions, side by side for each dimension, so that the scores of 16 positions are
/// computed at once; values lie position by position.
#[derive(Clone, Debug)]
pub struct Cache {
    format: CacheFormat,
    heads: usize,
    head_dim: usize,
    blocks: usize,
    /// `[heads, blocks, head_dim, 16]`.
    keys: Vec<Line>,
    /// `[heads, 16 · blocks, head_dim rounded up to 16]`.
    values: Vec<Line>,
}

/// A number as the cache keeps it.
pub(crate) trait Element: Pod + Send {
    fn new(x: f32) -> Self;
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F;
}

impl Element for f32 {
    #[inline(always)]
    fn new(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F {
        simd.load(from)
    }
}

impl Element for u16 {
    #[inline(always)]
    fn new(x: f32) -> Self {
        f16::from_f32(x).to_bits()
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[Self; LANES]) -> S::F {
        simd.widen(from)
    }
}

impl Cache {
    /// An empty cache for `positions` of `heads`.
    pub fn new(format: CacheFormat, heads: usize, head_dim: usize, positions: usize) -> Self {
        let blocks = positions.div_ceil(LANES);
        let lines = |numbers: usize| {
            let bytes = match format {
                CacheFormat::F32 => 4 * numbers,
                CacheFormat::F16 => 2 * numbers,
            };
            vec![Line::zeroed(); bytes.div_ceil(size_of::<Line>())]
        };
        Self {
            format,
            heads,
            head_dim,
            blocks,
            keys: lines(heads * blocks * head_dim * LANES),
            values: lines(heads * blocks * LANES * head_dim.next_multiple_of(LANES)),
        }
    }

    /// How the numbers are kept.
    pub fn format(&self) -> CacheFormat {
        self.format
    }

    /// Heads of keys and values.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Dimensions of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Whether heads and their dimensions are the same.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        (self.heads, self.head_dim) == (other.heads, other.head_dim)
    }

    /// Positions there is room for, in whole blocks.
    pub(crate) fn positions(&self) -> usize {
        self.blocks * LANES
    }

    /// Blocks of 16 positions.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Vectors that a position's values take.
    pub(crate) fn value_vectors(&self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// The keys and the values of all heads, one behind the other.
    pub(crate) fn all<E: Element>(&self) -> (&[[E; LANES]], &[[E; LANES]]) {
        (
            bytemuck::cast_slice(&self.keys),
            bytemuck::cast_slice(&self.values),
        )
    }

    /// As [`all`](Self::all).
    pub(crate) fn all_mut<E: Element>(&mut self) -> (&mut [[E; LANES]], &mut [[E; LANES]]) {
        (
            bytemuck::cast_slice_mut(&mut self.keys),
            bytemuck::cast_slice_mut(&mut self.values),
        )
    }
}
