//! Causal attention over the cache.

use crate::cache::{Cache, CacheFormat, Element};
use crate::elementwise::{exp, max_of, sum_of};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{DisjointSlice, RowMatrix, stride};
use crate::simd::{LANES, Line, Simd};
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

/// Queries that are computed at once, at most.
const QUERIES: usize = 4;

/// Rows of a piece of work.
const TILE: usize = 16;

/// Mixes the values that each query sees: softmax(q · k / sqrt(head_dim)) · v, where query head h reads key and value
/// head h / (query heads / heads), and a row those positions of its sequence that are not behind its own (Ainslie et al.
/// 2023).
///
/// `qkv` is what [`append`](crate::append::append) has left of it; `into` gets rows of query heads.
pub(crate) fn attend<C: Borrow<Cache> + Sync>(
    isa: Isa,
    pool: &mut Pool,
    scores: &mut Vec<Line>,
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
    let to = stride(into.width());
    let into = into.shared();

    // Room for each thread's scores.
    let blocks = sequences
        .iter()
        .map(|sequence| sequence.cache.borrow().blocks());
    let room = QUERIES * blocks.max().unwrap_or(0);
    scores.resize(room * pool.threads(), Line::zeroed());
    let scores = DisjointSlice::new(scores);

    let tiles = |sequence: &Sequence<C>| sequence.rows.len().div_ceil(TILE);
    let all = sequences.iter().map(tiles).sum::<usize>();
    pool.run(all * heads, &|thread, piece| {
        let (mut tile, head) = (piece / heads, piece % heads);
        for sequence in sequences {
            let own = tiles(sequence);
            if tile >= own {
                tile -= own;
                continue;
            }
            // The last rows see most, and are begun first.
            let rows = sequence.rows.start + (own - 1 - tile) * TILE;
            isa.run(Attend {
                qkv,
                cache: sequence.cache.borrow(),
                // Of the first row there is, if it belonged to the sequence.
                start: sequence.start as isize - sequence.rows.start as isize,
                head,
                group: query_heads / heads,
                rows: rows..sequence.rows.end.min(rows + TILE),
                // SAFETY: every thread has its own.
                scores: unsafe { scores.part(thread * room..(thread + 1) * room) },
                into: &into,
                stride: to,
            });
            return;
        }
    });
}

struct Attend<'a> {
    qkv: &'a RowMatrix,
    cache: &'a Cache,
    /// Offset to add to a row index to get its position in the sequence.
    start: isize,
    /// Of keys and values.
    head: usize,
    /// Query heads that read it.
    group: usize,
    rows: Range<usize>,
    scores: &'a mut [Line],
    into: &'a DisjointSlice<'a, f32>,
    /// Numbers in a row of `into`.
    stride: usize,
}

impl Kernel for Attend<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.cache.format() {
            CacheFormat::F32 => self.with::<S, f32>(simd),
            CacheFormat::F16 => self.with::<S, u16>(simd),
        }
    }
}

impl Attend<'_> {
    #[inline(always)]
    fn with<S: Simd, E: Element>(mut self, simd: S) {
        // Queries of one row and of neighbouring rows read the same keys.
        let behind = self.rows.end * self.group;
        let mut query = self.rows.start * self.group;
        while query < behind {
            query += match behind - query {
                1 => self.queries::<S, E, 1>(simd, query),
                2 | 3 => self.queries::<S, E, 2>(simd, query),
                _ => self.queries::<S, E, QUERIES>(simd, query),
            };
        }
    }

    /// Queries from this one on, counted over rows and heads of the group. Returns how many they are.
    #[inline(always)]
    fn queries<S: Simd, E: Element, const N: usize>(&mut self, simd: S, first: usize) -> usize {
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
        // Positions that each of them sees.
        let seen = rows.map(|row| row.wrapping_add_signed(self.start) + 1);
        let most = seen[N - 1];
        let used = most.div_ceil(LANES);

        let scale = simd.splat(1.0 / (head_dim as f32).sqrt());
        let mut block = 0;
        while block < used {
            let keys = &keys[block * head_dim..];
            block += match (used - block).min(S::ACCUMULATORS / N) {
                4.. => self.score::<S, E, N, 4>(simd, &queries, keys, scale, block),
                2 | 3 => self.score::<S, E, N, 2>(simd, &queries, keys, scale, block),
                _ => self.score::<S, E, N, 1>(simd, &queries, keys, scale, block),
            };
        }
        let mut weights = [0.0; N];
        for i in 0..N {
            let scores = &mut self.scores[i * blocks..i * blocks + used];
            weights[i] = 1.0 / softmax_unscaled(simd, scores, seen[i]);
        }

        let mut vector = 0;
        while vector < vectors {
            let place = Place {
                first: vector,
                vectors,
                most,
            };
            vector +=
                match (vectors - vector).min(S::ACCUMULATORS / N) {
                    4.. => self
                        .weighted_sum::<S, E, N, 4>(simd, values, place, &rows, &columns, &weights),
                    2 | 3 => self
                        .weighted_sum::<S, E, N, 2>(simd, values, place, &rows, &columns, &weights),
                    _ => self
                        .weighted_sum::<S, E, N, 1>(simd, values, place, &rows, &columns, &weights),
                };
        }
        N
    }

    /// The scores of `BLOCKS` blocks of positions, from `block` on, where `keys` begins.
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

    /// The sum of the values, each times its weight, for `VECTORS` of their dimensions.
    #[inline(always)]
    fn weighted_sum<S: Simd, E: Element, const N: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        values: &[[E; LANES]],
        place: Place,
        rows: &[usize; N],
        columns: &[usize; N],
        weights: &[f32; N],
    ) -> usize {
        let scores: [&[f32]; N] = std::array::from_fn(|i| {
            let scores = &self.scores[i * self.cache.blocks()..];
            &bytemuck::cast_slice(scores)[..place.most]
        });
        let mut sums = [[simd.splat(0.0); VECTORS]; N];
        for (position, values) in values
            .chunks_exact(place.vectors)
            .take(place.most)
            .enumerate()
        {
            let values = &values[place.first..place.first + VECTORS];
            // What a query does not see has the weight 0, and changes no sum.
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
                simd.store(simd.mul(sum, simd.splat(weights[i])), &mut numbers);
                let first = (place.first + v) * LANES;
                let n = LANES.min(head_dim - first);
                let at = rows[i] * self.stride + columns[i] + first;
                // SAFETY: every head of every row belongs to one piece.
                unsafe { self.into.part(at..at + n) }.copy_from_slice(&numbers[..n]);
            }
        }
        VECTORS
    }
}

/// Which part of the values is mixed.
#[derive(Clone, Copy)]
struct Place {
    /// The first vector of each position.
    first: usize,
    /// Vectors of each position.
    vectors: usize,
    /// Positions.
    most: usize,
}

/// Turns scores into e^(score − the largest), those behind the first `seen` into 0, and returns the sum, which is NaN
/// unless all scores are finite: a key may be too large for its format.
#[inline(always)]
fn softmax_unscaled<S: Simd>(simd: S, scores: &mut [Line], seen: usize) -> f32 {
    let unseen = |scores: &mut [Line], value: f32| {
        let scores: &mut [f32] = bytemuck::cast_slice_mut(scores);
        scores[seen..].fill(value);
    };
    unseen(scores, f32::MIN);
    let mut largest = simd.splat(f32::MIN);
    let mut sum = simd.splat(0.0);
    for score in &*scores {
        let score = simd.load(&score.0);
        largest = simd.max(score, largest);
        // 0 times what is not finite is NaN.
        sum = simd.fma(score, simd.splat(0.0), sum);
    }
    let largest = simd.splat(max_of(simd, largest));
    for score in &mut *scores {
        let score = &mut score.0;
        simd.store(exp(simd, simd.sub(simd.load(score), largest)), score);
    }
    unseen(scores, 0.0);
    for score in &*scores {
        sum = simd.add(sum, simd.load(&score.0));
    }
    sum_of(simd, sum)
}
