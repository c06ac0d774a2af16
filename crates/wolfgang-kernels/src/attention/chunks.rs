//! Attention of a tile to chunks of positions.

use super::partial::{MAX, Output, SUM, merge, partial_vectors};
use super::prefetch::{NoPrefetch, Prefetch, PrefetchInOrder};
use super::tile::{CHUNK, CHUNK_BLOCKS, Tile};
use crate::cache::{Cache, CacheFormat, Element, PAGE_BLOCKS, PAGE_POSITIONS};
use crate::elementwise::{exp, max_of, sum_of};
use crate::isa::{Isa, Kernel};
use crate::rows::RowMatrix;
use crate::simd::{LANES, Simd, Vec16};
use std::ops::Range;

/// Maximum number of queries that are computed at once.
pub(super) const MAX_QUERIES: usize = 4;

/// The attention of a tile to some chunks of positions.
pub(super) struct Attend<'a> {
    pub(super) qkv: &'a RowMatrix,
    pub(super) cache: &'a Cache,
    pub(super) tile: Tile,
    /// The chunks. Those that no query attends to are skipped.
    pub(super) chunks: Range<usize>,
    /// For [`MAX_QUERIES`] queries: scores of a chunk, and partial results.
    pub(super) working: &'a mut [Vec16],
    /// The partial results of the queries of the tile.
    pub(super) partials: &'a mut [Vec16],
    /// If the chunks are all that there are: where the results go.
    pub(super) output: Option<&'a Output<'a>>,
}

impl Kernel for Attend<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // With more queries, most of them read keys and values from the CPU cache.
        let is_read_once = self.tile.queries() <= MAX_QUERIES;
        match (self.cache.format(), is_read_once) {
            // Prefetching was not faster for f32.
            (CacheFormat::F32, _) => self.run_as::<S, f32, NoPrefetch>(simd),
            (CacheFormat::F16, true) if S::PREFETCHES => {
                self.run_as::<S, u16, PrefetchInOrder<'_, u16>>(simd);
            }
            (CacheFormat::F16, _) => self.run_as::<S, u16, NoPrefetch>(simd),
        }
    }
}

impl<'a> Attend<'a> {
    /// Runs the kernel. It is compiled here and not in each crate that calls the generic `attend`.
    #[inline(never)]
    pub(super) fn run_on(self, isa: Isa) {
        isa.run(self);
    }

    #[inline(always)]
    fn run_as<S: Simd, E: Element, P: Prefetch<'a>>(self, simd: S) {
        let vectors = partial_vectors(self.tile.head_dim);
        let (scores, added) = self.working.split_at_mut(MAX_QUERIES * CHUNK_BLOCKS);
        let queries = self.tile.queries();
        let end = self.tile.visible(queries - 1).div_ceil(CHUNK);
        let chunks = self.chunks.start..self.chunks.end.min(end);
        // All queries read a chunk before the next one, so that it stays in the CPU cache.
        for chunk in chunks.clone() {
            let mut compute = ChunkQueries {
                qkv: self.qkv,
                cache: self.cache,
                tile: &self.tile,
                chunk,
                scores: &mut *scores,
            };
            let mut query = 0;
            while query < queries {
                let n = (queries - query).min(MAX_QUERIES);
                let partials = &mut self.partials[query * vectors..(query + n) * vectors];
                let is_first = chunk == chunks.start;
                let into = if is_first {
                    &mut *partials
                } else {
                    &mut added[..n * vectors]
                };
                match n {
                    1 => compute.run::<S, E, P, 1>(simd, query, into),
                    2 => compute.run::<S, E, P, 2>(simd, query, into),
                    3 => compute.run::<S, E, P, 3>(simd, query, into),
                    _ => compute.run::<S, E, P, MAX_QUERIES>(simd, query, into),
                }
                if !is_first {
                    let partials = partials.chunks_exact_mut(vectors);
                    let added = added.chunks_exact(vectors);
                    for (i, (into, added)) in partials.zip(added).enumerate() {
                        if self.tile.visible(query + i) > chunk * CHUNK {
                            merge(simd, into, added);
                        }
                    }
                }
                query += n;
            }
        }
        if let Some(output) = self.output {
            output.store(simd, &self.tile, self.partials);
        }
    }
}

/// Queries of a tile, of which a few at once attend to the positions of one chunk.
struct ChunkQueries<'a, 'b> {
    qkv: &'b RowMatrix,
    cache: &'a Cache,
    tile: &'b Tile,
    chunk: usize,
    /// `[MAX_QUERIES, CHUNK_BLOCKS]`.
    scores: &'b mut [Vec16],
}

impl<'a> ChunkQueries<'a, '_> {
    /// Computes the partial results of `N` queries, from `first` on. That of a query that does not
    /// attend to the chunk is not used.
    #[inline(always)]
    fn run<S: Simd, E: Element, P: Prefetch<'a>, const N: usize>(
        &mut self,
        simd: S,
        first: usize,
        into: &mut [Vec16],
    ) {
        let (tile, head_dim) = (self.tile, self.tile.head_dim);
        let queries: [&[f32]; N] = std::array::from_fn(|i| {
            let (row, column) = tile.place(first + i);
            &self.qkv.row(row)[column..column + head_dim]
        });
        // Number of positions of the chunk that each query attends to. The last query has the most.
        let chunk = self.chunk;
        let visible: [usize; N] = std::array::from_fn(|i| {
            let visible = tile.visible(first + i);
            visible.saturating_sub(chunk * CHUNK).min(CHUNK)
        });
        let positions = visible[N - 1];
        let used_blocks = positions.div_ceil(LANES);

        let mut prefetch = P::start(simd, self.cache, tile.head, chunk, positions);
        let scale = simd.splat(1.0 / (head_dim as f32).sqrt());
        let mut block = 0;
        while block < used_blocks {
            let at_once = (used_blocks - block).min(S::ACCUMULATORS / N);
            block += match at_once.min(PAGE_BLOCKS - block % PAGE_BLOCKS) {
                4.. => self.score::<S, E, P, N, 4>(simd, &queries, scale, block, &mut prefetch),
                2 | 3 => self.score::<S, E, P, N, 2>(simd, &queries, scale, block, &mut prefetch),
                _ => self.score::<S, E, P, N, 1>(simd, &queries, scale, block, &mut prefetch),
            };
        }
        let vectors = partial_vectors(head_dim);
        let scores = self.scores.chunks_exact_mut(CHUNK_BLOCKS);
        for ((scores, visible), into) in scores.zip(visible).zip(into.chunks_exact_mut(vectors)) {
            let (max, sum) = softmax_unscaled(simd, &mut scores[..used_blocks], visible);
            let first = &mut into[0].0;
            (first[MAX], first[SUM]) = (max, sum);
        }

        let vectors = vectors - 1;
        let mut vector = 0;
        while vector < vectors {
            vector += match (vectors - vector).min(S::ACCUMULATORS / N) {
                4.. => {
                    self.weighted_sum::<S, E, P, N, 4>(simd, vector, positions, into, &mut prefetch)
                }
                2 | 3 => {
                    self.weighted_sum::<S, E, P, N, 2>(simd, vector, positions, into, &mut prefetch)
                }
                _ => {
                    self.weighted_sum::<S, E, P, N, 1>(simd, vector, positions, into, &mut prefetch)
                }
            };
        }
    }

    /// Computes the scores of `BLOCKS` blocks of the chunk, from `block` on, and returns `BLOCKS`.
    /// They are in one page.
    #[inline(always)]
    fn score<S: Simd, E: Element, P: Prefetch<'a>, const N: usize, const BLOCKS: usize>(
        &mut self,
        simd: S,
        queries: &[&[f32]; N],
        scale: S::F,
        block: usize,
        prefetch: &mut P,
    ) -> usize {
        let head_dim = self.tile.head_dim;
        let first = self.chunk * CHUNK_BLOCKS + block;
        let page = self.cache.page::<E>(first / PAGE_BLOCKS);
        let layout = self.cache.layout();
        let keys: [&[[E; LANES]]; BLOCKS] = std::array::from_fn(|b| {
            &page[layout.keys(self.tile.head, first % PAGE_BLOCKS + b)][..head_dim]
        });
        let queries: [&[f32]; N] = std::array::from_fn(|i| &queries[i][..head_dim]);
        let mut sums = [[simd.splat(0.0); BLOCKS]; N];
        // The first blocks of a page prefetch for all of its blocks.
        let is_first = first.is_multiple_of(PAGE_BLOCKS);
        for d in 0..head_dim {
            if is_first {
                prefetch.advance(simd);
            }
            for (sums, query) in sums.iter_mut().zip(&queries) {
                let x = simd.splat(query[d]);
                for (sum, keys) in sums.iter_mut().zip(&keys) {
                    *sum = simd.fma(E::load(simd, &keys[d]), x, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (b, sum) in sums.into_iter().enumerate() {
                let score = &mut self.scores[i * CHUNK_BLOCKS + block + b];
                simd.store(simd.mul(sum, scale), &mut score.0);
            }
        }
        BLOCKS
    }

    /// Computes `VECTORS` vectors of the sum of the values of the first `positions` of the chunk,
    /// weighted by the exponentials in `self.scores`, from `vector` on, and returns `VECTORS`.
    #[inline(always)]
    fn weighted_sum<S: Simd, E: Element, P: Prefetch<'a>, const N: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        vector: usize,
        positions: usize,
        into: &mut [Vec16],
        prefetch: &mut P,
    ) -> usize {
        let layout = self.cache.layout();
        let vectors = layout.value_vectors();
        let scores: [&[f32]; N] = std::array::from_fn(|i| {
            let scores = &self.scores[i * CHUNK_BLOCKS..(i + 1) * CHUNK_BLOCKS];
            bytemuck::cast_slice(scores)
        });
        let mut sums = [[simd.splat(0.0); VECTORS]; N];
        for start in (0..positions).step_by(PAGE_POSITIONS) {
            let end = positions.min(start + PAGE_POSITIONS);
            let page = (self.chunk * CHUNK + start) / PAGE_POSITIONS;
            let page = self.cache.page::<E>(page);
            let values = &page[layout.all_values(self.tile.head)];
            let scores: [&[f32]; N] = std::array::from_fn(|i| &scores[i][start..end]);
            let values = values.chunks_exact(vectors).take(end - start);
            for (position, values) in values.enumerate() {
                // The first vectors of a position prefetch for all of its vectors.
                if vector == 0 {
                    prefetch.advance(simd);
                }
                let values = &values[vector..vector + VECTORS];
                // Masked positions have the weight 0, which does not change a sum.
                for (sums, scores) in sums.iter_mut().zip(&scores) {
                    let weight = simd.splat(scores[position]);
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = simd.fma(E::load(simd, value), weight, *sum);
                    }
                }
            }
        }
        for (sums, into) in sums.into_iter().zip(into.chunks_exact_mut(1 + vectors)) {
            let into = &mut into[1 + vector..1 + vector + VECTORS];
            for (sum, into) in sums.into_iter().zip(into) {
                simd.store(sum, &mut into.0);
            }
        }
        VECTORS
    }
}

/// Replaces each score by e^(score − maximum), and masked ones (from `visible` on) by 0. Returns
/// the maximum and the sum, which is NaN unless all scores are finite; a key can be too large for
/// its format.
#[inline(always)]
fn softmax_unscaled<S: Simd>(simd: S, scores: &mut [Vec16], visible: usize) -> (f32, f32) {
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
    let max = max_of(simd, largest);
    let largest = simd.splat(max);
    for score in &mut *scores {
        let score = &mut score.0;
        simd.store(exp(simd, simd.sub(simd.load(score), largest)), score);
    }
    fill_masked(scores, 0.0);
    for score in &*scores {
        sum = simd.add(sum, simd.load(&score.0));
    }
    (max, sum_of(simd, sum))
}
