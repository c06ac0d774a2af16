//! How each format is multiplied.

use crate::activations::Tile;
use crate::format::BLOCK;
use crate::rows::PANEL;
use crate::simd::{LANES, Simd};
use bytemuck::Pod;

/// The outputs of a panel for some rows.
pub(super) type Sums<S, const ROWS: usize> = [[<S as Simd>::F; 2]; ROWS];

/// How one format is multiplied.
pub(super) trait Product {
    /// What a panel has for each group of inputs.
    type Group: Pod;

    /// Adds the products of some groups of a panel with those of a tile, in their order.
    fn add<S: Simd, const ROWS: usize>(
        simd: S,
        sums: Sums<S, ROWS>,
        panel: &[Self::Group],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS>;
}

/// A format that becomes f32 for the product.
pub(super) trait Widened {
    /// How it is multiplied then.
    type As: Product;

    /// A panel as f32.
    fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]);
}

pub(super) struct WideF16;

impl Widened for WideF16 {
    type As = F32;

    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]) {
        let halves: &[[u16; LANES]] = bytemuck::cast_slice(panel);
        for (half, into) in halves.iter().zip(into.as_chunks_mut().0) {
            simd.store(simd.widen(half), into);
        }
    }
}

/// Of each group the first inputs, then the second.
pub(super) struct WideBf16;

impl Widened for WideBf16 {
    type As = Self;

    #[inline(always)]
    fn widen<S: Simd>(_: S, panel: &[u8], into: &mut [f32]) {
        let groups: &[[u32; PANEL]] = bytemuck::cast_slice(panel);
        let into = into.as_chunks_mut::<PANEL>().0.as_chunks_mut::<2>().0;
        for (group, [first, second]) in groups.iter().zip(into) {
            for (pair, (first, second)) in group.iter().zip(first.iter_mut().zip(second)) {
                (*first, *second) = parts(*pair);
            }
        }
    }
}

/// The two bf16 in a word, the upper one first.
#[inline(always)]
fn parts(pair: u32) -> (f32, f32) {
    (
        f32::from_bits(pair & 0xffff_0000),
        f32::from_bits(pair << 16),
    )
}

/// How far ahead weights are asked for, in bytes.
const AHEAD: usize = 2 << 10;

/// Asks memory for weights that come soon. With few rows the processor looks far enough ahead by itself; with many it has
/// so much to compute between two reads that it would wait for each.
#[inline(always)]
fn ahead<S: Simd, const ROWS: usize, T>(simd: S, group: &T) {
    if ROWS >= 8 {
        let address = std::ptr::from_ref(group).cast::<u8>().wrapping_add(AHEAD);
        for line in 0..size_of::<T>().div_ceil(64) {
            simd.prefetch(address.wrapping_add(64 * line));
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
    fn add<S: Simd, const ROWS: usize>(
        simd: S,
        mut sums: Sums<S, ROWS>,
        panel: &[Self::Group],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        for (group, x) in panel.iter().zip(tile.words.as_chunks::<ROWS>().0) {
            ahead::<S, ROWS, _>(simd, group);
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[0] = T::step(simd, sums[0], &group[0], *x);
                sums[1] = T::step(simd, sums[1], &group[1], *x);
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

pub(super) struct Bf16;

impl Step for Bf16 {
    type Half = [u32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.dot_bf16(sum, weights, x)
    }
}

impl Product for WideBf16 {
    type Group = [[[f32; LANES]; 2]; 2];

    #[inline(always)]
    fn add<S: Simd, const ROWS: usize>(
        simd: S,
        mut sums: Sums<S, ROWS>,
        panel: &[Self::Group],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        for ([first, second], x) in panel.iter().zip(tile.words.as_chunks::<ROWS>().0) {
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = parts(*x);
                for (weights, x) in [(first, x.0), (second, x.1)] {
                    let x = simd.splat(x);
                    sums[0] = simd.fma(simd.load(&weights[0]), x, sums[0]);
                    sums[1] = simd.fma(simd.load(&weights[1]), x, sums[1]);
                }
            }
        }
        sums
    }
}

pub(super) struct Int8;

impl Product for Int8 {
    type Group = [[[u8; 4]; LANES]; 2];

    /// Whole numbers are summed exactly within a block of inputs, and the blocks in their order.
    #[inline(always)]
    fn add<S: Simd, const ROWS: usize>(
        simd: S,
        mut sums: Sums<S, ROWS>,
        panel: &[Self::Group],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        let words = tile.words.as_chunks::<ROWS>().0;
        let blocks = panel
            .chunks_exact(BLOCK / 4)
            .zip(words.chunks_exact(BLOCK / 4));
        let scales_of_x = tile.scales.as_chunks::<ROWS>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0;
        for ((panel, words), (x_scales, offsets)) in blocks.zip(scales_of_x.iter().zip(offsets)) {
            let mut whole = [[simd.splat_i(0); 2]; ROWS];
            for (whole, offset) in whole.iter_mut().zip(offsets) {
                *whole = [simd.splat_i(*offset); 2];
            }
            for (group, words) in panel.iter().zip(words) {
                for (whole, word) in whole.iter_mut().zip(words) {
                    let x = word.to_le_bytes().map(|byte| byte as i8);
                    whole[0] = simd.dot_i8(whole[0], &group[0], x);
                    whole[1] = simd.dot_i8(whole[1], &group[1], x);
                }
            }
            for row in 0..ROWS {
                let scale = simd.splat(x_scales[row]);
                for half in 0..2 {
                    let whole = simd.to_f(whole[row][half]);
                    sums[row][half] = simd.fma(whole, scale, sums[row][half]);
                }
            }
        }
        sums
    }
}
