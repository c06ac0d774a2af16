//! How each format is multiplied.

use super::prefetch::Prefetcher;
use crate::activations::Tile;
use crate::format::BLOCK;
use crate::simd::{LANES, Simd};
use bytemuck::Pod;
use std::marker::PhantomData;

/// The outputs of one half of a panel or of both, for some rows.
pub(super) type Sums<S, const ROWS: usize, const HALVES: usize> = [[<S as Simd>::F; HALVES]; ROWS];

/// How one format is multiplied.
pub(super) trait Product {
    /// What a panel has for each group of inputs.
    type Group: Pod;
    /// Words of activations for each.
    const WORDS: usize = 1;
    /// Whether several passes share the reading of what is next. Otherwise there is so much to compute for each byte that
    /// the first does it in time.
    const SHARES: bool = true;

    /// Adds the products of some groups of a panel, from this half on, with those of a tile, in their order.
    fn add<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: Sums<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        ahead: Prefetcher,
    ) -> Sums<S, ROWS, HALVES>;
}

/// A format that becomes f32 for the product.
pub(super) trait Widened {
    /// A panel as [`F32`] has it.
    fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]);
}

pub(super) struct WideF16;

impl Widened for WideF16 {
    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]) {
        let halves: &[[u16; LANES]] = bytemuck::cast_slice(panel);
        for (half, into) in halves.iter().zip(into.as_chunks_mut().0) {
            simd.store(simd.widen(half), into);
        }
    }
}

pub(super) struct WideBf16;

impl Widened for WideBf16 {
    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]) {
        let groups: &[[[u32; LANES]; 2]] = bytemuck::cast_slice(panel);
        let into = into.as_chunks_mut().0.as_chunks_mut::<4>().0;
        for (group, into) in groups.iter().zip(into) {
            for (half, pairs) in group.iter().enumerate() {
                simd.store(simd.upper_bf16(pairs), &mut into[half]);
                simd.store(simd.lower_bf16(pairs), &mut into[2 + half]);
            }
        }
    }
}

/// How one format of floating point numbers is multiplied: one group after the other.
pub(super) trait Step {
    type Half: Pod;

    /// Adds the products of one group of inputs, for half a panel.
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F;
}

impl<T: Step> Product for T {
    type Group = [T::Half; 2];

    #[inline(always)]
    fn add<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Sums<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut ahead: Prefetcher,
    ) -> Sums<S, ROWS, HALVES> {
        for (group, x) in panel.iter().zip(tile.words.as_chunks::<ROWS>().0) {
            ahead.of(simd, group);
            for (sums, x) in sums.iter_mut().zip(x) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = T::step(simd, *sum, &group[half + i], *x);
                }
            }
        }
        sums
    }
}

pub(super) struct F32;

impl Step for F32 {
    type Half = [f32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.load(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

pub(super) struct F16;

impl Step for F16 {
    type Half = [u16; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.widen(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

/// Bf16 by the instruction for it.
pub(super) struct DottedBf16;

impl Step for DottedBf16 {
    type Half = [u32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.dot_bf16(sum, weights, x)
    }
}

/// Bf16 as f32, two groups of those for each of its own.
pub(super) struct SplitBf16;

impl Product for SplitBf16 {
    type Group = [[u32; LANES]; 2];
    const WORDS: usize = 2;

    #[inline(always)]
    fn add<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Sums<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut ahead: Prefetcher,
    ) -> Sums<S, ROWS, HALVES> {
        let words = tile.words.as_chunks::<ROWS>().0.as_chunks::<2>().0;
        for (group, words) in panel.iter().zip(words) {
            ahead.of(simd, group);
            for (sums, x) in sums.iter_mut().zip(&words[0]) {
                let x = simd.splat(f32::from_bits(*x));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.fma(simd.upper_bf16(&group[half + i]), x, *sum);
                }
            }
            for (sums, x) in sums.iter_mut().zip(&words[1]) {
                let x = simd.splat(f32::from_bits(*x));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.fma(simd.lower_bf16(&group[half + i]), x, *sum);
                }
            }
        }
        sums
    }
}

/// How groups of whole numbers are multiplied.
pub(super) trait WholeStep {
    /// As [`Product::WORDS`].
    const WORDS: usize;

    /// Adds the products of one group of inputs, for some halves of a panel.
    fn step<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: &mut [[S::I; HALVES]; ROWS],
        weights: &[[[u8; 4]; LANES]],
        words: &[[u32; ROWS]],
    );
}

/// Int8 by the instruction for it.
pub(super) struct DottedInt8;

impl WholeStep for DottedInt8 {
    const WORDS: usize = 1;

    #[inline(always)]
    fn step<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: &mut [[S::I; HALVES]; ROWS],
        weights: &[[[u8; 4]; LANES]],
        words: &[[u32; ROWS]],
    ) {
        for (sums, word) in sums.iter_mut().zip(&words[0]) {
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = simd.dot_i8(*sum, weights, *word);
            }
        }
    }
}

/// Int8 as numbers of 16 bits, every other of a group at a time.
pub(super) struct SplitInt8;

impl WholeStep for SplitInt8 {
    const WORDS: usize = 2;

    #[inline(always)]
    fn step<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: &mut [[S::I; HALVES]; ROWS],
        weights: &[[[u8; 4]; LANES]],
        words: &[[u32; ROWS]],
    ) {
        for (i, weights) in weights.iter().enumerate() {
            let (even, odd) = simd.split_i8(weights);
            for (row, sums) in sums.iter_mut().enumerate() {
                let sum = simd.dot_i16(sums[i], even, words[0][row]);
                sums[i] = simd.dot_i16(sum, odd, words[1][row]);
            }
        }
    }
}

/// Int8, by either.
pub(super) struct Int8<T>(PhantomData<T>);

impl<T: WholeStep> Product for Int8<T> {
    type Group = [[[u8; 4]; LANES]; 2];
    const WORDS: usize = T::WORDS;
    const SHARES: bool = false;

    /// Whole numbers are summed exactly within a block of inputs, and the blocks in their order.
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Sums<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut ahead: Prefetcher,
    ) -> Sums<S, ROWS, HALVES> {
        let words = tile.words.as_chunks::<ROWS>().0;
        let blocks = panel
            .chunks_exact(BLOCK / 4)
            .zip(words.chunks_exact(BLOCK / 4 * T::WORDS));
        let scales_of_x = tile.scales.as_chunks::<ROWS>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0;
        for ((panel, words), (x_scales, offsets)) in blocks.zip(scales_of_x.iter().zip(offsets)) {
            let mut whole = [[simd.splat_i(0); HALVES]; ROWS];
            for (whole, offset) in whole.iter_mut().zip(offsets) {
                *whole = [simd.splat_i(*offset); HALVES];
            }
            for (group, words) in panel.iter().zip(words.chunks_exact(T::WORDS)) {
                ahead.of(simd, group);
                T::step(simd, &mut whole, &group[half..half + HALVES], words);
            }
            for (sums, (whole, scale)) in sums.iter_mut().zip(whole.iter().zip(x_scales)) {
                let scale = simd.splat(*scale);
                for (sum, whole) in sums.iter_mut().zip(whole) {
                    *sum = simd.fma(simd.to_f(*whole), scale, *sum);
                }
            }
        }
        sums
    }
}
