//! Causal attention over the KV cache.
//!
//! The positions of a sequence are divided into chunks of [`CHUNK`]. A query has a partial result
//! for each chunk: the maximum of its scores, the sum of their exponentials, and the sum of the
//! values, weighted by them. Partial results are merged in the order of the chunks (online softmax,
//! Milakov & Gimelshein 2018). The chunks are fixed, so the bits do not depend on how rows and
//! positions are divided among calls and threads.

mod chunks;
mod partial;
mod prefetch;
mod tile;

use crate::cache::Cache;
use crate::disjoint_slice::DisjointSlice;
use crate::isa::Isa;
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
use crate::simd::Vec16;
use bytemuck::Zeroable;
use chunks::{Attend, MAX_QUERIES};
use partial::{MergeChunks, Output, partial_vectors};
use std::borrow::Borrow;
use std::ops::Range;
use tile::{CHUNK, CHUNK_BLOCKS, Tile};

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

impl<C> Sequence<C> {
    /// Number of tiles of rows.
    fn tiles(&self) -> usize {
        self.rows.len().div_ceil(TILE_ROWS)
    }

    /// Number of chunks of positions that the last row attends to.
    fn chunks(&self) -> usize {
        (self.start + self.rows.len()).div_ceil(CHUNK)
    }
}

/// Maximum number of rows of a piece of work.
const TILE_ROWS: usize = 16;

/// With fewer pieces for each thread, every chunk is a piece of its own.
const MIN_PIECES_PER_THREAD: usize = 4;

/// Memory for intermediate results, which is reused.
#[derive(Debug, Default)]
pub(crate) struct AttentionBuffers {
    /// For each thread, the scores and the partial results of the queries computed at once.
    working: Vec<Vec16>,
    /// Partial results of each query of a piece: for each thread, or for each piece if every chunk
    /// is one.
    partials: Vec<Vec16>,
}

/// Grouped-query attention: softmax(q · k / sqrt(head_dim)) · v, where query head h reads key and
/// value head h / (query heads / heads) (Ainslie et al. 2023), and a row attends to the positions
/// of its sequence up to its own.
///
/// `qkv` has been rotated by [`append`](crate::append::append). `into` gets rows of query heads.
///
/// A piece of work is a tile of rows with a key and value head. With few rows, as in decoding,
/// there are too few pieces for the threads: then every chunk of positions is a piece, and the
/// calling thread merges their results.
pub(crate) fn attend<C: Borrow<Cache> + Sync>(
    isa: Isa,
    pool: &mut Pool,
    buffers: &mut AttentionBuffers,
    qkv: &RowMatrix,
    sequences: &[Sequence<C>],
    into: &mut RowMatrix,
) {
    let Some(first) = sequences.first().map(|first| first.cache.borrow()) else {
        return;
    };
    let (heads, head_dim) = (first.heads(), first.head_dim());
    let query_heads = qkv.width() / head_dim - 2 * heads;
    let group = query_heads / heads;
    let (rows, width) = (qkv.rows(), query_heads * head_dim);
    let attended: usize = sequences.iter().map(|sequence| sequence.rows.len()).sum();
    // Rows of no sequence, and heads without keys, become 0.
    if attended == rows && query_heads == group * heads {
        into.resize(rows, width);
    } else {
        into.reset(rows, width);
    }
    let output = Output {
        stride: stride(into.width()),
        rows: into.shared(),
    };

    let tiles: usize = sequences.iter().map(Sequence::tiles).sum();
    // With so few rows a sequence is one tile, and all partial results need little memory.
    let split = qkv.rows() <= TILE_ROWS
        && pool.threads() > 1
        && tiles * heads < MIN_PIECES_PER_THREAD * pool.threads()
        && sequences.iter().any(|sequence| sequence.chunks() > 1);
    let pieces_per_head = |sequence: &Sequence<C>| if split { sequence.chunks() } else { 1 };
    let pieces_of = |one: &Sequence<C>| one.tiles() * heads * pieces_per_head(one);
    let pieces: usize = sequences.iter().map(pieces_of).sum();

    let vectors = partial_vectors(head_dim);
    let per_thread = MAX_QUERIES * (CHUNK_BLOCKS + vectors);
    let longest = sequences.iter().map(|sequence| sequence.rows.len()).max();
    let per_piece = longest.unwrap_or(0).min(TILE_ROWS) * group * vectors;
    let AttentionBuffers { working, partials } = buffers;
    working.resize(per_thread * pool.threads(), Vec16::zeroed());
    let slots = if split { pieces } else { pool.threads() };
    partials.resize(per_piece * slots, Vec16::zeroed());
    let working = DisjointSlice::new(working);
    let shared = DisjointSlice::new(partials);

    let tile = |sequence: &Sequence<C>, index: usize, head: usize| {
        let first = index * TILE_ROWS;
        let start = sequence.rows.start + first;
        Tile {
            rows: start..sequence.rows.end.min(start + TILE_ROWS),
            position: sequence.start + first,
            head,
            group,
            head_dim,
        }
    };
    pool.run(pieces, &|thread, piece| {
        let mut own = piece;
        for sequence in sequences {
            if own >= pieces_of(sequence) {
                own -= pieces_of(sequence);
                continue;
            }
            let per_head = pieces_per_head(sequence);
            let (index, head, chunk) = (
                own / (heads * per_head),
                own / per_head % heads,
                own % per_head,
            );
            let slot = if split { piece } else { thread };
            let attend = Attend {
                qkv,
                cache: sequence.cache.borrow(),
                // The last rows attend to the most positions, so they come first.
                tile: tile(sequence, sequence.tiles() - 1 - index, head),
                chunks: if split {
                    chunk..chunk + 1
                } else {
                    0..sequence.chunks()
                },
                // SAFETY: every thread has its own part, and runs one piece at a time.
                working: unsafe { working.part(thread * per_thread..(thread + 1) * per_thread) },
                // SAFETY: as above, or every piece has its own part.
                partials: unsafe { shared.part(slot * per_piece..(slot + 1) * per_piece) },
                output: (!split).then_some(&output),
            };
            attend.run_on(isa);
            return;
        }
    });
    if !split {
        return;
    }
    let mut rest = partials.as_mut_slice();
    for sequence in sequences.iter().filter(|one| one.tiles() > 0) {
        for head in 0..heads {
            let (partials, others) = rest.split_at_mut(sequence.chunks() * per_piece);
            rest = others;
            let merge = MergeChunks {
                tile: tile(sequence, 0, head),
                partials,
                per_chunk: per_piece,
                output: &output,
            };
            merge.run_on(isa);
        }
    }
}
