//! Micro-kernels for int4 weights.
//!
//! Products are summed exactly as integers within a group of 32 inputs. The sum of a group, times
//! the scale of the activations, is multiplied with the scale of the weights and added, in the
//! order of the groups. Both kernels give the same bits.

use super::micro_kernels::{Accumulators, MicroKernel, WidenPanel};
use super::prefetch::Prefetcher;
use crate::activations::Tile;
use crate::format::{GROUP, Int4Block};
use crate::simd::{LANES, Simd};
use bytemuck::{Pod, Zeroable};

/// Words of activations per group.
const WORDS: usize = GROUP / 4;

/// Maximum number of rows for which panels are multiplied as they are packed. With more, unpacking
/// each panel once is faster.
pub(super) const MAX_PACKED_ROWS: usize = 4;

/// Size of an unpacked block, in f32.
pub(super) const UNPACKED_LEN: usize = size_of::<Unpacked>() / size_of::<f32>();

/// int4 weights as they are packed.
pub(super) struct Int4;

impl MicroKernel for Int4 {
    type Group = Int4Block;
    const WORDS_PER_GROUP: usize = 2 * WORDS;
    const GROUPS_PER_BLOCK: usize = 1;
    const MAX_ROWS: usize = MAX_PACKED_ROWS;
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
        let words = words.as_chunks::<{ 2 * WORDS }>().0;
        let x_scales = tile.scales.as_chunks::<ROWS>().0.as_chunks::<2>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0.as_chunks::<2>().0;
        let activations = words.iter().zip(x_scales.iter().zip(offsets));
        for (block, (words, (x_scales, offsets))) in panel.iter().zip(activations) {
            let mut groups: [[[S::I; HALVES]; ROWS]; 2] =
                [start(simd, &offsets[0]), start(simd, &offsets[1])];
            for (step, quants) in block.quants.iter().enumerate() {
                prefetcher.advance(simd, quants);
                for i in 0..HALVES {
                    let (first, second) = simd.split_u4(&quants[half + i]);
                    for row in 0..ROWS {
                        let [sums, more] = &mut groups;
                        sums[row][i] = simd.dot_u4(sums[row][i], first, words[step][row]);
                        more[row][i] = simd.dot_u4(more[row][i], second, words[WORDS + step][row]);
                    }
                }
            }
            for (group, scales) in block.scales.iter().enumerate() {
                for i in 0..HALVES {
                    let scale = simd.widen(&scales[half + i]);
                    for row in 0..ROWS {
                        let sum = simd.to_f(groups[group][row][i]);
                        let sum = simd.mul(sum, simd.splat(x_scales[group][row]));
                        sums[row][i] = simd.fma(sum, scale, sums[row][i]);
                    }
                }
            }
        }
        sums
    }
}

/// A block of [`Int4Block`] with one weight per byte and scales in f32.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Unpacked {
    groups: [UnpackedGroup; 2],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct UnpackedGroup {
    scales: [[f32; LANES]; 2],
    quants: [[[[u8; 4]; LANES]; 2]; WORDS],
}

/// Unpacks int4.
pub(super) struct UnpackInt4;

impl WidenPanel for UnpackInt4 {
    type Kernel = UnpackedInt4;

    #[inline(always)]
    fn widen<S: Simd>(simd: S, panel: &[u8], out: &mut [f32]) {
        let blocks: &[Int4Block] = bytemuck::cast_slice(panel);
        let out: &mut [Unpacked] = bytemuck::cast_slice_mut(out);
        for (block, out) in blocks.iter().zip(out) {
            for (out, scales) in out.groups.iter_mut().zip(&block.scales) {
                for (out, scales) in out.scales.iter_mut().zip(scales) {
                    simd.store(simd.widen(scales), out);
                }
            }
            let [first, second] = &mut out.groups;
            let from = block.quants.as_flattened().as_flattened().as_flattened();
            let first = first.quants.as_flattened_mut().as_flattened_mut();
            let second = second.quants.as_flattened_mut().as_flattened_mut();
            let outputs = first
                .as_flattened_mut()
                .iter_mut()
                .zip(second.as_flattened_mut());
            for ((first, second), byte) in outputs.zip(from) {
                (*first, *second) = (byte & 0x0f, byte >> 4);
            }
        }
    }
}

/// int4 weights that [`UnpackInt4`] unpacked.
pub(super) struct UnpackedInt4;

impl MicroKernel for UnpackedInt4 {
    type Group = Unpacked;
    const WORDS_PER_GROUP: usize = 2 * WORDS;
    const GROUPS_PER_BLOCK: usize = 1;
    const SHARES_PREFETCH: bool = false;

    #[inline(always)]
    fn accumulate<S: Simd, const ROWS: usize, const HALVES: usize>(
        simd: S,
        mut sums: Accumulators<S, ROWS, HALVES>,
        panel: &[Self::Group],
        half: usize,
        tile: &Tile<'_>,
        _: Prefetcher,
    ) -> Accumulators<S, ROWS, HALVES> {
        let words = tile.words.as_chunks::<ROWS>().0.as_chunks::<WORDS>().0;
        let x_scales = tile.scales.as_chunks::<ROWS>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0;
        let activations = words.iter().zip(x_scales.iter().zip(offsets));
        let groups = panel.iter().flat_map(|block| &block.groups);
        for (group, (words, (x_scales, offsets))) in groups.zip(activations) {
            let mut group_sums = start::<S, ROWS, HALVES>(simd, offsets);
            for (quants, words) in group.quants.iter().zip(words) {
                let quants: [S::I; HALVES] =
                    std::array::from_fn(|i| simd.load_u8(&quants[half + i]));
                for (sums, word) in group_sums.iter_mut().zip(words) {
                    for (sum, quants) in sums.iter_mut().zip(&quants) {
                        *sum = simd.dot_u4(*sum, *quants, *word);
                    }
                }
            }
            for (sums, (group_sums, scale)) in sums.iter_mut().zip(group_sums.iter().zip(x_scales))
            {
                let x_scale = simd.splat(*scale);
                for (i, (sum, group_sum)) in sums.iter_mut().zip(group_sums).enumerate() {
                    let scaled = simd.mul(simd.to_f(*group_sum), x_scale);
                    *sum = simd.fma(scaled, simd.load(&group.scales[half + i]), *sum);
                }
            }
        }
        sums
    }
}

/// The sums of a group before its products, which compensate the offset of the weights.
#[inline(always)]
fn start<S: Simd, const ROWS: usize, const HALVES: usize>(
    simd: S,
    offsets: &[i32; ROWS],
) -> [[S::I; HALVES]; ROWS] {
    let mut sums = [[simd.splat_i(0); HALVES]; ROWS];
    for (sums, offset) in sums.iter_mut().zip(offsets) {
        *sums = [simd.splat_i(*offset); HALVES];
    }
    sums
}
