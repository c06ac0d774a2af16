//! Micro-kernels: the innermost loop of the product, for each format.

use super::prefetch::Prefetcher;
use crate::activations::Tile;
use crate::format::BLOCK;
use crate::simd::{LANES, Simd};
use bytemuck::Pod;
use std::marker::PhantomData;

/// Sums in registers: for each row the outputs of one or both halves of a panel.
pub(super) type Accumulators<S, const ROWS: usize, const HALVES: usize> =
    [[<S as Simd>::F; HALVES]; ROWS];

/// The innermost loop of the product for one format: multiplies a panel with a tile of activations,
/// with all sums in registers.
pub(super) trait MicroKernel {
    /// The weights of a panel for one group of inputs, see `Format::group`.
    type Group: Pod;
    /// Words of activations per row and group.
    const WORDS_PER_GROUP: usize = 1;
    /// Number of groups of which a block of K is a multiple: those of a quantisation block.
    const GROUPS_PER_BLOCK: usize = BLOCK / 4;
    /// Maximum number of rows of a tile. The kernel is not compiled for more.
    const MAX_ROWS: usize = usize::MAX;
    /// Whether several passes over a block of K share the prefetching of the next one. If not, a
    /// pass is limited by arithmetic, and the first pass prefetches all of it in time.
    const SHARES_PREFETCH: bool = true;
    /// Whether weights are converted to f32 in each step. With these additional instructions the
    /// processor begins fewer reads at once.
    const WIDENS: bool = false;

    /// Adds the products of consecutive groups with a tile to `sums`, in order, for `HALVES` halves
    /// of the panel from `half` on.
    fn accumulate<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: Accumulators<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        prefetcher: Prefetcher,
    ) -> Accumulators<S, ROWS, HALVES>;
}

/// Conversion of a packed panel to the layout of another micro-kernel.
pub(super) trait WidenPanel {
    /// The micro-kernel that multiplies the converted panel.
    type Kernel: MicroKernel;

    /// Converts `panel` into `out`.
    fn widen<S: Simd>(simd: S, panel: &[u8], out: &mut [f32]);
}

/// Widens f16.
pub(super) struct WidenF16;

impl WidenPanel for WidenF16 {
    type Kernel = F32;

    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], out: &mut [f32]) {
        let halves: &[[u16; LANES]] = bytemuck::cast_slice(panel);
        for (half, out) in halves.iter().zip(out.as_chunks_mut().0) {
            simd.store(simd.widen(half), out);
        }
    }
}

/// Widens bf16.
pub(super) struct WidenBf16;

impl WidenPanel for WidenBf16 {
    type Kernel = F32;

    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], out: &mut [f32]) {
        let groups: &[[[u32; LANES]; 2]] = bytemuck::cast_slice(panel);
        let out = out.as_chunks_mut().0.as_chunks_mut::<4>().0;
        for (group, out) in groups.iter().zip(out) {
            for (half, pairs) in group.iter().enumerate() {
                simd.store(simd.upper_bf16(pairs), &mut out[half]);
                simd.store(simd.lower_bf16(pairs), &mut out[2 + half]);
            }
        }
    }
}

/// One step along K for floating-point weights. Every such step is a [`MicroKernel`].
pub(super) trait KStep {
    /// The weights of half a panel for one group of inputs.
    type Half: Pod;
    /// See [`MicroKernel::WIDENS`].
    const WIDENS: bool = false;

    /// Adds the products of one group for one row and half a panel.
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F;
}

impl<T: KStep> MicroKernel for T {
    type Group = [T::Half; 2];
    const WIDENS: bool = T::WIDENS;

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Accumulators<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut prefetcher: Prefetcher,
    ) -> Accumulators<S, ROWS, HALVES> {
        for (group, x) in panel.iter().zip(tile.words.as_chunks::<ROWS>().0) {
            prefetcher.advance(simd, group);
            for (sums, x) in sums.iter_mut().zip(x) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = T::step(simd, *sum, &group[half + i], *x);
                }
            }
        }
        sums
    }
}

/// f32 weights.
pub(super) struct F32;

impl KStep for F32 {
    type Half = [f32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.load(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

/// f16 weights, converted to f32 in each step.
pub(super) struct F16;

impl KStep for F16 {
    type Half = [u16; LANES];
    const WIDENS: bool = true;

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.widen(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

/// bf16 weights, with the dot-product instruction of the processor.
pub(super) struct DotBf16;

impl KStep for DotBf16 {
    type Half = [u32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.dot_bf16(sum, weights, x)
    }
}

/// bf16 weights without a dot-product instruction: each pair is split into two f32 multiply-adds.
pub(super) struct SplitBf16;

impl MicroKernel for SplitBf16 {
    type Group = [[u32; LANES]; 2];
    const WORDS_PER_GROUP: usize = 2;
    const WIDENS: bool = true;

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Accumulators<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut prefetcher: Prefetcher,
    ) -> Accumulators<S, ROWS, HALVES> {
        let words = tile.words.as_chunks::<ROWS>().0.as_chunks::<2>().0;
        for (group, words) in panel.iter().zip(words) {
            prefetcher.advance(simd, group);
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

/// One step along K for int8 weights, see [`Int8`].
pub(super) trait IntKStep {
    /// As [`MicroKernel::WORDS_PER_GROUP`].
    const WORDS_PER_GROUP: usize;

    /// Adds the products of one group for all rows and `HALVES` halves of a panel.
    fn step<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        sums: &mut [[S::I; HALVES]; ROWS],
        weights: &[[[u8; 4]; LANES]],
        words: &[[u32; ROWS]],
    );
}

/// int8 weights, with the dot-product instruction of the processor.
pub(super) struct DotInt8;

impl IntKStep for DotInt8 {
    const WORDS_PER_GROUP: usize = 1;

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

/// int8 weights without a dot-product instruction: a group is split into its even and its odd
/// elements, which are multiplied as 16-bit integers.
pub(super) struct SplitInt8;

impl IntKStep for SplitInt8 {
    const WORDS_PER_GROUP: usize = 2;

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

/// int8 weights: products are summed exactly as integers within a quantisation block of inputs, and
/// the scaled sums of the blocks are added in order.
pub(super) struct Int8<T>(PhantomData<T>);

impl<T: IntKStep> MicroKernel for Int8<T> {
    type Group = [[[u8; 4]; LANES]; 2];
    const WORDS_PER_GROUP: usize = T::WORDS_PER_GROUP;
    const SHARES_PREFETCH: bool = false;

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Accumulators<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        mut prefetcher: Prefetcher,
    ) -> Accumulators<S, ROWS, HALVES> {
        let words = tile.words.as_chunks::<ROWS>().0;
        let blocks = panel
            .chunks_exact(BLOCK / 4)
            .zip(words.chunks_exact(BLOCK / 4 * T::WORDS_PER_GROUP));
        let x_scales = tile.scales.as_chunks::<ROWS>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0;
        for ((panel, words), (x_scales, offsets)) in blocks.zip(x_scales.iter().zip(offsets)) {
            let mut block_sums = [[simd.splat_i(0); HALVES]; ROWS];
            for (block_sums, offset) in block_sums.iter_mut().zip(offsets) {
                *block_sums = [simd.splat_i(*offset); HALVES];
            }
            for (group, words) in panel.iter().zip(words.chunks_exact(T::WORDS_PER_GROUP)) {
                prefetcher.advance(simd, group);
                T::step(simd, &mut block_sums, &group[half..half + HALVES], words);
            }
            for (sums, (block_sums, scale)) in sums.iter_mut().zip(block_sums.iter().zip(x_scales))
            {
                let scale = simd.splat(*scale);
                for (sum, block_sum) in sums.iter_mut().zip(block_sums) {
                    *sum = simd.fma(simd.to_f(*block_sum), scale, *sum);
                }
            }
        }
        sums
    }
}
