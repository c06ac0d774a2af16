//! Passes over a panel: its division into blocks of K, and the products of each with every tile.

use super::micro_kernels::MicroKernel;
use super::prefetch::Prefetcher;
use crate::activations::{PackedActivations, Tile};
use crate::format::PANEL;
use crate::simd::Simd;
use std::ops::Range;

/// Maximum size of a block of K, in bytes of a panel: it stays in the L1 cache for all tiles.
const K_BLOCK_BYTES: usize = 20 << 10;

/// Maximum number of passes over a block that each prefetch a part of the next one. With more
/// passes the first prefetches all of it, because memory is read in a small part of the time.
const MAX_SHARING_PASSES: usize = 8;

/// Number of rows from which a pass is limited by arithmetic rather than by memory.
const MIN_COMPUTE_BOUND_ROWS: usize = 8;

/// Multiplies a panel with every tile, into sums `[rows, PANEL]`.
///
/// If there are several passes over the panel, it is divided into blocks of K: all tiles pass over
/// one block, which is then in the L1 cache, before the next block is read. In between, the sums
/// are stored in memory, which does not change their bits.
#[inline(always)]
pub(super) fn accumulate_panel<S: Simd, K: MicroKernel>(
    simd: S,
    activations: &PackedActivations,
    tiles: usize,
    panel: &[K::Group],
    sums: &mut [f32],
) {
    let passes = tiles * S::passes(activations.tile_rows());
    for (k_block, (groups, panel)) in k_blocks(panel, passes, K::GROUPS_PER_BLOCK).enumerate() {
        let words = groups.start * K::WORDS_PER_GROUP..groups.end * K::WORDS_PER_GROUP;
        let mut pass = Pass {
            k_block,
            index: 0,
            count: passes,
        };
        for tile in activations.tiles() {
            let range = tile.first_row * PANEL..(tile.first_row + tile.rows) * PANEL;
            let (tile, sums) = (tile.k_block(words.clone()), &mut sums[range]);
            match tile.rows {
                1 => accumulate_tile::<S, K, 1>(simd, panel, &tile, pass, sums),
                2 => accumulate_tile::<S, K, 2>(simd, panel, &tile, pass, sums),
                3 => accumulate_tile::<S, K, 3>(simd, panel, &tile, pass, sums),
                4 => accumulate_tile::<S, K, 4>(simd, panel, &tile, pass, sums),
                5 => accumulate_tile::<S, K, 5>(simd, panel, &tile, pass, sums),
                6 => accumulate_tile::<S, K, 6>(simd, panel, &tile, pass, sums),
                7 => accumulate_tile::<S, K, 7>(simd, panel, &tile, pass, sums),
                8 => accumulate_tile::<S, K, 8>(simd, panel, &tile, pass, sums),
                9 => accumulate_tile::<S, K, 9>(simd, panel, &tile, pass, sums),
                10 => accumulate_tile::<S, K, 10>(simd, panel, &tile, pass, sums),
                11 => accumulate_tile::<S, K, 11>(simd, panel, &tile, pass, sums),
                _ => accumulate_tile::<S, K, 12>(simd, panel, &tile, pass, sums),
            }
            pass.index += S::passes(tile.rows);
        }
    }
}

/// Divides a panel into blocks of K: their groups, and the weights of these. There is one block if
/// only one pass is made over it.
#[inline(always)]
pub(super) fn k_blocks<G>(
    panel: &[G],
    passes: usize,
    groups_per_block: usize,
) -> impl Iterator<Item = (Range<usize>, &[G])> {
    let block_groups = match passes {
        1 => panel.len(),
        // Of equal size, each a whole number of quantisation blocks.
        _ => {
            let blocks = size_of_val(panel).div_ceil(K_BLOCK_BYTES);
            panel
                .len()
                .div_ceil(blocks)
                .next_multiple_of(groups_per_block)
        }
    };
    let blocks = panel.chunks(block_groups).enumerate();
    blocks.map(move |(k_block, panel)| {
        let start = k_block * block_groups;
        (start..start + panel.len(), panel)
    })
}

/// One pass over a block of K.
#[derive(Clone, Copy)]
struct Pass {
    k_block: usize,
    /// Index among the passes over this block.
    index: usize,
    /// Number of passes over this block.
    count: usize,
}

/// Adds the products of a block of K to the sums of a tile, in one pass over the whole panel or in
/// one for each half of it.
#[inline(always)]
fn accumulate_tile<S: Simd, K: MicroKernel, const ROWS: usize>(
    simd: S,
    panel: &[K::Group],
    tile: &Tile<'_>,
    mut pass: Pass,
    sums: &mut [f32],
) {
    // Never true at run time: larger tiles do not exist, and the compiler can omit their code.
    if ROWS > S::ROWS || ROWS > K::MAX_ROWS {
        return;
    }
    if S::passes(ROWS) == 2 {
        accumulate_halves::<S, K, ROWS, 1>(simd, panel, 0, tile, pass, sums);
        pass.index += 1;
        accumulate_halves::<S, K, ROWS, 1>(simd, panel, 1, tile, pass, sums);
    } else {
        accumulate_halves::<S, K, ROWS, 2>(simd, panel, 0, tile, pass, sums);
    }
}

/// One pass over `HALVES` halves of the panel, from `half` on.
#[inline(always)]
fn accumulate_halves<S: Simd, K: MicroKernel, const ROWS: usize, const HALVES: usize>(
    simd: S,
    panel: &[K::Group],
    half: usize,
    tile: &Tile<'_>,
    pass: Pass,
    sums: &mut [f32],
) {
    let sums = sums.as_chunks_mut().0.as_chunks_mut::<2>().0;
    let mut accumulators = [[simd.splat(0.0); HALVES]; ROWS];
    if pass.k_block > 0 {
        for (accumulators, sums) in accumulators.iter_mut().zip(&*sums) {
            for (accumulator, sum) in accumulators.iter_mut().zip(&sums[half..]) {
                *accumulator = simd.load(sum);
            }
        }
    }
    let prefetcher = match (pass.count, pass.index) {
        (1, _) if ROWS < MIN_COMPUTE_BOUND_ROWS && K::WIDENS => Prefetcher::FAR,
        (1, _) if ROWS < MIN_COMPUTE_BOUND_ROWS => Prefetcher::NONE,
        (2..=MAX_SHARING_PASSES, index) if K::SHARES_PREFETCH => {
            Prefetcher::share(index, pass.count, size_of_val(panel))
        }
        (_, 0) => Prefetcher::ALL,
        _ => Prefetcher::NONE,
    };
    accumulators = K::accumulate(simd, accumulators, panel, half, tile, prefetcher);
    for (accumulators, sums) in accumulators.into_iter().zip(sums) {
        for (accumulator, sum) in accumulators.into_iter().zip(&mut sums[half..]) {
            simd.store(accumulator, sum);
        }
    }
}
