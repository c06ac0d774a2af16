//! Partial results of a query, for some of the positions that it attends to.
//!
//! In memory, a partial result is a vector with the maximum of the scores and the sum of the
//! exponentials e^(score − maximum) in its first lanes, and then the vectors of the sum of the
//! values, weighted by the exponentials.

use super::tile::{CHUNK, Tile};
use crate::disjoint_slice::DisjointSlice;
use crate::elementwise::exp;
use crate::isa::{Isa, Kernel};
use crate::simd::{LANES, Simd, Vec16};

/// Number of vectors of a partial result.
pub(super) fn partial_vectors(head_dim: usize) -> usize {
    1 + head_dim.div_ceil(LANES)
}

/// The lanes of the first vector.
pub(super) const MAX: usize = 0;
pub(super) const SUM: usize = 1;

/// Adds the result of later positions to a partial result.
///
/// With m the larger of the maxima, the sums become sum · e^(max − m) + added sum · e^(added max −
/// m). A sum that is NaN stays NaN.
#[inline(always)]
pub(super) fn merge<S: Simd>(simd: S, into: &mut [Vec16], added: &[Vec16]) {
    let (Some((first, values)), Some((added, added_values))) =
        (into.split_first_mut(), added.split_first())
    else {
        return;
    };
    let (first, added) = (&mut first.0, &added.0);
    let max = if added[MAX] > first[MAX] {
        added[MAX]
    } else {
        first[MAX]
    };
    let scale = exp(simd, simd.splat(first[MAX] - max));
    let added_scale = exp(simd, simd.splat(added[MAX] - max));
    let add = |into: &mut [f32; LANES], added: &[f32; LANES]| {
        let scaled = simd.mul(simd.load(into), scale);
        simd.store(simd.fma(simd.load(added), added_scale, scaled), into);
    };
    add(first, added);
    first[MAX] = max;
    for (into, added) in values.iter_mut().zip(added_values) {
        add(&mut into.0, &added.0);
    }
}

/// Where the results of attention go.
pub(super) struct Output<'a> {
    /// Rows of query heads.
    pub(super) rows: DisjointSlice<'a, f32>,
    /// Distance of two rows.
    pub(super) stride: usize,
}

impl Output<'_> {
    /// Stores the results of the queries of a tile: their sums of values, divided by their sums of
    /// exponentials.
    #[inline(always)]
    pub(super) fn store<S: Simd>(&self, simd: S, tile: &Tile, partials: &[Vec16]) {
        let partials = partials.chunks_exact(partial_vectors(tile.head_dim));
        for (query, partial) in partials.take(tile.queries()).enumerate() {
            let (row, column) = tile.place(query);
            let start = row * self.stride + column;
            // SAFETY: every query belongs to one tile, and every tile to one piece.
            let into = unsafe { self.rows.part(start..start + tile.head_dim) };
            let scale = simd.splat(1.0 / partial[0].0[SUM]);
            for (into, values) in into.chunks_mut(LANES).zip(&partial[1..]) {
                let mut numbers = [0.0; LANES];
                simd.store(simd.mul(simd.load(&values.0), scale), &mut numbers);
                into.copy_from_slice(&numbers[..into.len()]);
            }
        }
    }
}

/// Merges the partial results of all chunks, and stores the results.
pub(super) struct MergeChunks<'a> {
    pub(super) tile: Tile,
    /// Those of each query for the first chunk, then for the next ones.
    pub(super) partials: &'a mut [Vec16],
    /// Number of vectors of a chunk.
    pub(super) per_chunk: usize,
    pub(super) output: &'a Output<'a>,
}

impl MergeChunks<'_> {
    /// Runs the kernel. It is compiled here and not in each crate that calls the generic `attend`.
    #[inline(never)]
    pub(super) fn run_on(self, isa: Isa) {
        isa.run(self);
    }
}

impl Kernel for MergeChunks<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let vectors = partial_vectors(self.tile.head_dim);
        let (first, later) = self.partials.split_at_mut(self.per_chunk);
        for (chunk, added) in (1..).zip(later.chunks_exact(self.per_chunk)) {
            let queries = first
                .chunks_exact_mut(vectors)
                .zip(added.chunks_exact(vectors));
            for (query, (into, added)) in queries.take(self.tile.queries()).enumerate() {
                if self.tile.visible(query) > chunk * CHUNK {
                    merge(simd, into, added);
                }
            }
        }
        self.output.store(simd, &self.tile, first);
    }
}
