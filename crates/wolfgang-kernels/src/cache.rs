//! The KV cache of one layer.

use crate::KernelError;
use crate::simd::{LANES, Simd, Vec16};
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
    keys: Box<[Vec16]>,
    /// `[heads, 16 · blocks, head_dim rounded up to 16]`.
    values: Box<[Vec16]>,
}

/// A number in the element type of a cache; `u16` is the bits of an f16.
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

/// Allocates `vectors` vectors of zeros. The system provides memory only for pages that are
/// written.
fn try_zeroed(vectors: usize) -> Result<Box<[Vec16]>, KernelError> {
    try_zeroed_slice_box(vectors).map_err(|()| KernelError::NoMemory {
        bytes: vectors.saturating_mul(size_of::<Vec16>()),
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
        let allocate = |dimensions: usize| {
            let factors = [heads, blocks, dimensions, LANES, bytes];
            let bytes = factors.into_iter().try_fold(1, usize::checked_mul);
            try_zeroed(bytes.unwrap_or(usize::MAX).div_ceil(size_of::<Vec16>()))
        };
        Ok(Self {
            format,
            heads,
            head_dim,
            blocks,
            keys: allocate(head_dim)?,
            values: allocate(head_dim.div_ceil(LANES) * LANES)?,
        })
    }

    /// Copies the cache.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub fn try_clone(&self) -> Result<Self, KernelError> {
        let copy = |vectors: &[Vec16]| {
            let mut copy = try_zeroed(vectors.len())?;
            copy.copy_from_slice(vectors);
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

    /// Returns the size of keys and values in memory, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.values)
    }

    /// Whether both caches have the same number of heads and dimensions.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        (self.heads, self.head_dim) == (other.heads, other.head_dim)
    }

    /// Maximum number of positions, a multiple of 16.
    pub(crate) fn positions(&self) -> usize {
        self.blocks * LANES
    }

    /// Number of blocks of 16 positions.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Number of vectors for the values of one position and head.
    pub(crate) fn value_vectors(&self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// The keys and the values of all heads, head by head.
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
    #[cfg_attr(miri, ignore = "Miri aborts when an allocation fails")]
    fn a_failed_allocation_is_an_error() {
        for positions in [1 << 56, usize::MAX] {
            assert!(matches!(
                Cache::new(CacheFormat::F16, 3, 20, positions),
                Err(KernelError::NoMemory { .. })
            ));
        }
    }

    #[test]
    fn a_copy_does_not_share_memory() {
        let mut cache = Cache::new(CacheFormat::F32, 1, 2, 3).unwrap();
        cache.all_mut::<f32>().0[1][2] = 5.0;
        let copy = cache.try_clone().unwrap();
        cache.all_mut::<f32>().0[1][2] = 6.0;
        assert_eq!(copy.all::<f32>().0[1][2], 5.0);
        assert_eq!((copy.positions(), copy.value_vectors()), (16, 1));
    }
}
