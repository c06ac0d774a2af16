//! Causal attention over the KV cache.

use crate::cache::{Cache, CacheFormat, Element};
use crate::disjoint_slice::DisjointSlice;
use crate::elementwise::{exp, max_of, sum_of};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
use crate::simd::{LANES, Simd, Vec16};
use bytemuck::Zeroable;
use std::borrow::Borrow;
use std::ops::Range;

/// Consecutive rows of one sequence, with its cache.
#[derive(Clone, Debug)]
pub struct Sequence<C> {
    /// The range of rows.
    pub rows: Range<usize>,
    /// The position of the first row in the sequence.
    pub start: usize,
    /// The keys and values of the sequence.
    pub cache: C,
}

/// Maximum number of queries that are computed at once.
const MAX_QUERIES: usize = 4;

/// Number of rows of a piece of work.
const TILE_ROWS: usize = 16;

/// Grouped-query attention: softmax(q · k / sqrt(head_dim)) · v, where query head h reads key and
/// value head h / (query heads / heads) (Ainslie et al. 2023), and a row attends to the positions
/// of its sequence up to its own.
///
/// `qkv` has been rotated by [`append`](crate::append::append). `into` gets rows of query heads.
pub(crate) fn attend<C: Borrow<Cache> + Sync>(
    isa: Isa,
    pool: &mut Pool,
    scores: &mut Vec<Vec16>,
    qkv: &RowMatrix,
    sequences: &[Sequence<C>],
    into: &mut RowMatrix,
) {
    let Some(first) = sequences.first().map(|first| first.cache.borrow()) else {
        return;
    };
    let (heads, head_dim) = (first.heads(), first.head_dim());
    let query_heads = qkv.width() / head_dim - 2 * heads;
    into.reset(qkv.rows(), query_heads * head_dim);
    let out_stride = stride(into.width());
    let out = into.shared();

    // Each thread has a buffer for the scores of its queries.
    let blocks = sequences
        .iter()
        .map(|sequence| sequence.cache.borrow().blocks());
    let per_thread = MAX_QUERIES * blocks.max().unwrap_or(0);
    scores.resize(per_thread * pool.threads(), Vec16::zeroed());
    let scores = DisjointSlice::new(scores);

    let tiles = |sequence: &Sequence<C>| sequence.rows.len().div_ceil(TILE_ROWS);
    let all_tiles = sequences.iter().map(tiles).sum::<usize>();
    pool.run(all_tiles * heads, &|thread, piece| {
        let (mut tile, head) = (piece / heads, piece % heads);
        for sequence in sequences {
            let own_tiles = tiles(sequence);
            if tile >= own_tiles {
                tile -= own_tiles;
                continue;
            }
            // The last rows attend to the most positions, so they come first.
            let rows = sequence.rows.start + (own_tiles - 1 - tile) * TILE_ROWS;
            isa.run(Attend {
                qkv,
                cache: sequence.cache.borrow(),
                position_offset: sequence.start as isize - sequence.rows.start as isize,
                head,
                group: query_heads / heads,
                rows: rows..sequence.rows.end.min(rows + TILE_ROWS),
                // SAFETY: every thread has its own part, and runs one piece at a time.
                scores: unsafe { scores.part(thread * per_thread..(thread + 1) * per_thread) },
                out: &out,
                out_stride,
            });
            return;
        }
    });
}

/// One piece: the query heads that share a key and value head, for some rows of a sequence.
struct Attend<'a> {
    qkv: &'a RowMatrix,
    cache: &'a Cache,
    /// Offset to add to a row index to get its position in the sequence.
    position_offset: isize,
    /// Index of the key and value head.
    head: usize,
    /// Number of query heads that share the key and value head.
    group: usize,
    rows: Range<usize>,
    scores: &'a mut [Vec16],
    out: &'a DisjointSlice<'a, f32>,
    /// Distance of two rows of `out`.
    out_stride: usize,
}

impl Kernel for Attend<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.cache.format() {
            CacheFormat::F32 => self.run_as::<S, f32>(simd),
            CacheFormat::F16 => self.run_as::<S, u16>(simd),
        }
    }
}

impl Attend<'_> {
    #[inline(always)]
    fn run_as<S: Simd, E: Element>(mut self, simd: S) {
        // Queries are numbered by row, then head: adjacent ones read the same keys.
        let end = self.rows.end * self.group;
        let mut query = self.rows.start * self.group;
        while query < end {
            query += match end - query {
                1 => self.attend_queries::<S, E, 1>(simd, query),
                2 | 3 => self.attend_queries::<S, E, 2>(simd, query),
                _ => self.attend_queries::<S, E, MAX_QUERIES>(simd, query),
            };
        }
    }

    /// Computes `N` queries from `first` on and returns `N`.
    #[inline(always)]
    fn attend_queries<S: Simd, E: Element, const N: usize>(
        &mut self,
        simd: S,
        first: usize,
    ) -> usize {
        let (head_dim, blocks) = (self.cache.head_dim(), self.cache.blocks());
        let (keys, values) = self.cache.all::<E>();
        let keys = &keys[self.head * blocks * head_dim..][..blocks * head_dim];
        let vectors = self.cache.value_vectors();
        let values = &values[self.head * blocks * LANES * vectors..][..blocks * LANES * vectors];

        let rows: [usize; N] = std::array::from_fn(|i| (first + i) / self.group);
        let columns: [usize; N] = std::array::from_fn(|i| {
            let head = self.head * self.group + (first + i) % self.group;
            head * head_dim
        });
        let queries: [&[f32]; N] =
            std::array::from_fn(|i| &self.qkv.row(rows[i])[columns[i]..columns[i] + head_dim]);
        // Number of positions that each query attends to. The last query has the most.
        let visible = rows.map(|row| row.wrapping_add_signed(self.position_offset) + 1);
        let positions = visible[N - 1];
        let used_blocks = positions.div_ceil(LANES);

        let scale = simd.splat(1.0 / (head_dim as f32).sqrt());
        let mut block = 0;
        while block < used_blocks {
            let keys = &keys[block * head_dim..];
            block += match (used_blocks - block).min(S::ACCUMULATORS / N) {
                4.. => self.score::<S, E, N, 4>(simd, &queries, keys, scale, block),
                2 | 3 => self.score::<S, E, N, 2>(simd, &queries, keys, scale, block),
                _ => self.score::<S, E, N, 1>(simd, &queries, keys, scale, block),
            };
        }
        let mut inv_sums = [0.0; N];
        for i in 0..N {
            let scores = &mut self.scores[i * blocks..i * blocks + used_blocks];
            inv_sums[i] = 1.0 / softmax_unscaled(simd, scores, visible[i]);
        }

        let mut vector = 0;
        while vector < vectors {
            let part = ValuePart {
                first: vector,
                vectors,
                positions,
            };
            vector +=
                match (vectors - vector).min(S::ACCUMULATORS / N) {
                    4.. => self
                        .weighted_sum::<S, E, N, 4>(simd, values, part, &rows, &columns, &inv_sums),
                    2 | 3 => self
                        .weighted_sum::<S, E, N, 2>(simd, values, part, &rows, &columns, &inv_sums),
                    _ => self
                        .weighted_sum::<S, E, N, 1>(simd, values, part, &rows, &columns, &inv_sums),
                };
        }
        N
    }

    /// Computes the scores of `BLOCKS` blocks of positions, from `block` on, and returns `BLOCKS`.
    /// `keys` begins at `block`.
    #[inline(always)]
    fn score<S: Simd, E: Element, const N: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        queries: &[&[f32]; N],
        keys: &[[E; LANES]],
        scale: S::F,
        block: usize,
    ) -> usize {
        let head_dim = self.cache.head_dim();
        let mut sums = [[simd.splat(0.0); BLOCKS]; N];
        let keys: [&[[E; LANES]]; BLOCKS] =
            std::array::from_fn(|b| &keys[b * head_dim..(b + 1) * head_dim]);
        let queries: [&[f32]; N] = std::array::from_fn(|i| &queries[i][..head_dim]);
        for d in 0..head_dim {
            for (sums, query) in sums.iter_mut().zip(&queries) {
                let x = simd.splat(query[d]);
                for (sum, keys) in sums.iter_mut().zip(&keys) {
                    *sum = simd.fma(E::load(simd, &keys[d]), x, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (b, sum) in sums.into_iter().enumerate() {
                let score = &mut self.scores[i * self.cache.blocks() + block + b];
                simd.store(simd.mul(sum, scale), &mut score.0);
            }
        }
        BLOCKS
    }

    /// Computes `VECTORS` vectors of the sum of the values, weighted by the softmax, and returns
    /// `VECTORS`. The exponentials are in `self.scores`, the reciprocals of their sums in
    /// `inv_sums`.
    #[inline(always)]
    fn weighted_sum<S: Simd, E: Element, const N: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        values: &[[E; LANES]],
        part: ValuePart,
        rows: &[usize; N],
        columns: &[usize; N],
        inv_sums: &[f32; N],
    ) -> usize {
        let scores: [&[f32]; N] = std::array::from_fn(|i| {
            let scores = &self.scores[i * self.cache.blocks()..];
            &bytemuck::cast_slice(scores)[..part.positions]
        });
        let mut sums = [[simd.splat(0.0); VECTORS]; N];
        for (position, values) in values
            .chunks_exact(part.vectors)
            .take(part.positions)
            .enumerate()
        {
            let values = &values[part.first..part.first + VECTORS];
            // Masked positions have the weight 0, which does not change a sum.
            for (sums, scores) in sums.iter_mut().zip(&scores) {
                let weight = simd.splat(scores[position]);
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = simd.fma(E::load(simd, value), weight, *sum);
                }
            }
        }
        let head_dim = self.cache.head_dim();
        for (i, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let mut numbers = [0.0; LANES];
                simd.store(simd.mul(sum, simd.splat(inv_sums[i])), &mut numbers);
                let first = (part.first + v) * LANES;
                let n = LANES.min(head_dim - first);
                let at = rows[i] * self.out_stride + columns[i] + first;
                // SAFETY: every head of every row belongs to one piece.
                unsafe { self.out.part(at..at + n) }.copy_from_slice(&numbers[..n]);
            }
        }
        VECTORS
    }
}

/// The part of the values that [`Attend::weighted_sum`] reads.
#[derive(Clone, Copy)]
struct ValuePart {
    /// Index of the first vector within each position.
    first: usize,
    /// Number of vectors of each position.
    vectors: usize,
    /// Number of positions.
    positions: usize,
}

/// Replaces each score by e^(score − maximum), and masked ones (from `visible` on) by 0. Returns
/// the sum, which is NaN unless all scores are finite; a key can be too large for its format.
#[inline(always)]
fn softmax_unscaled<S: Simd>(simd: S, scores: &mut [Vec16], visible: usize) -> f32 {
    let fill_masked = |scores: &mut [Vec16], value: f32| {
        let scores: &mut [f32] = bytemuck::cast_slice_mut(scores);
        scores[visible..].fill(value);
    };
    fill_masked(scores, f32::MIN);
    let mut largest = simd.splat(f32::MIN);
    let mut sum = simd.splat(0.0);
    for score in &*scores {
        let score = simd.load(&score.0);
        largest = simd.max(score, largest);
        // 0 times a number that is not finite is NaN.
        sum = simd.fma(score, simd.splat(0.0), sum);
    }
    let largest = simd.splat(max_of(simd, largest));
    for score in &mut *scores {
        let score = &mut score.0;
        simd.store(exp(simd, simd.sub(simd.load(score), largest)), score);
    }
    fill_masked(scores, 0.0);
    for score in &*scores {
        sum = simd.add(sum, simd.load(&score.0));
    }
    sum_of(simd, sum)
}
