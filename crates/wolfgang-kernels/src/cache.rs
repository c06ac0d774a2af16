//! The KV cache of one layer.

use crate::KernelError;
use crate::simd::{LANES, Line, Simd};
use bytemuck::Pod;
use bytemuck::allocation::try_zeroed_slice_box;
use half::f16;

/// Element type of a KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFormat {
    /// Single precision, 32 bits.
    F32,
    /// Half precision, 16 bits.
    F16,
}

/// KV cache of one layer, for a number of heads and positions.
///
/// Keys are stored in blocks of 16 positions, interleaved by dimension, so that the scores of 16
/// positions are computed at once. Values are stored position by position.
#[derive(Debug)]
pub struct Cache {
    format: CacheFormat,
    heads: usize,
    head_dim: usize,
    blocks: usize,
    /// `[heads, blocks, head_dim, 16]`.
    keys: Box<[Line]>,
    /// `[heads, 16 · blocks, head_dim rounded up to 16]`.
    values: Box<[Line]>,
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

/// So many lines of zeros. Memory that nobody writes to is not taken.
fn zeros(lines: usize) -> Result<Box<[Line]>, KernelError> {
    try_zeroed_slice_box(lines).map_err(|()| KernelError::NoMemory {
        bytes: lines.saturating_mul(size_of::<Line>()),
    })
}

impl Cache {
    /// Allocates a cache for `positions` positions of `heads` heads.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub fn new(
        format: CacheFormat,
        heads: usize,
        head_dim: usize,
        positions: usize,
    ) -> Result<Self, KernelError> {
        let blocks = positions.div_ceil(LANES);
        let bytes = match format {
            CacheFormat::F32 => 4,
            CacheFormat::F16 => 2,
        };
        let lines = |dimensions: usize| {
            let factors = [heads, blocks, dimensions, LANES, bytes];
            let bytes = factors.into_iter().try_fold(1, usize::checked_mul);
            zeros(bytes.unwrap_or(usize::MAX).div_ceil(size_of::<Line>()))
        };
        Ok(Self {
            format,
            heads,
            head_dim,
            blocks,
            keys: lines(head_dim)?,
            values: lines(head_dim.div_ceil(LANES) * LANES)?,
        })
    }

    /// Copies the cache.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub fn try_clone(&self) -> Result<Self, KernelError> {
        let copy = |lines: &[Line]| {
            let mut copy = zeros(lines.len())?;
            copy.copy_from_slice(lines);
            Ok(copy)
        };
        Ok(Self {
            keys: copy(&self.keys)?,
            values: copy(&self.values)?,
            ..*self
        })
    }

    /// Returns the element type.
    pub fn format(&self) -> CacheFormat {
        self.format
    }

    /// Returns the number of key and value heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Returns the number of dimensions of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// Whether heads and their dimensions are the same.
    /// Bytes that keys and values take in memory.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.values)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "an interpreter ends where there is no memory")]
    fn what_there_is_no_memory_for_is_an_error() {
        for positions in [1 << 56, usize::MAX] {
            assert!(matches!(
                Cache::new(CacheFormat::F16, 3, 20, positions),
                Err(KernelError::NoMemory { .. })
            ));
        }
    }

    #[test]
    fn a_copy_is_of_its_own() {
        let mut cache = Cache::new(CacheFormat::F32, 1, 2, 3).unwrap();
        cache.all_mut::<f32>().0[1][2] = 5.0;
        let copy = cache.try_clone().unwrap();
        cache.all_mut::<f32>().0[1][2] = 6.0;
        assert_eq!(copy.all::<f32>().0[1][2], 5.0);
        assert_eq!((copy.positions(), copy.value_vectors()), (16, 1));
    }
}
