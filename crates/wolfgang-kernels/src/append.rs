//! Rotary embedding of queries and keys, and appending of keys and values to the KV cache.

use crate::attention::Sequence;
use crate::cache::{Cache, CacheFormat, Element, PAGE_BLOCKS, PAGE_POSITIONS, PageLayout};
use crate::disjoint_slice::DisjointSlice;
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Tables of the rotary position embedding (RoPE, Su et al. 2021): cosines and sines of the angles
/// of each position.
///
/// Both are `[positions, head_dim]`. Each pair of dimensions has its cosine twice, and its sine
/// once negative and once positive.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Cosines, `[positions, head_dim]`.
    pub cos: &'a [f32],
    /// Sines, `[positions, head_dim]`.
    pub sin: &'a [f32],
}

impl Rotation<'_> {
    /// Rotates a head for a position: (re, im) becomes (re cos − im sin, im cos + re sin).
    #[inline(always)]
    fn rotate(&self, position: usize, head: &mut [f32]) {
        let angles = position * head.len()..(position + 1) * head.len();
        let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
        let pairs = head.as_chunks_mut::<2>().0.iter_mut();
        let angles = cos.as_chunks::<2>().0.iter().zip(sin.as_chunks::<2>().0);
        for (pair, (cos, sin)) in pairs.zip(angles) {
            let [re, im] = *pair;
            *pair = [re * cos[0] + im * sin[0], im * cos[1] + re * sin[1]];
        }
    }
}

/// Rotates the queries and keys of each sequence in `qkv`, and appends its keys and values to its
/// cache. A row of `qkv` has the heads of queries, then of keys, then of values.
///
/// A single sequence is divided among the threads by positions; otherwise each thread takes whole
/// sequences.
pub(crate) fn append(
    isa: Isa,
    pool: &mut Pool,
    qkv: &mut RowMatrix,
    rotation: Rotation<'_>,
    sequences: &mut [Sequence<&mut Cache>],
) {
    let append = AppendKv {
        isa,
        width: qkv.width(),
        stride: stride(qkv.width()),
        rows: qkv.shared(),
        rotation,
    };
    if let [sequence] = sequences {
        append.run(sequence, |pieces, work| {
            pool.run(pieces, &|_, piece| work(piece));
        });
        return;
    }
    let (number, sequences) = (sequences.len(), DisjointSlice::new(sequences));
    pool.run(number, &|_, index| {
        // SAFETY: every sequence belongs to one piece.
        for sequence in unsafe { sequences.part(index..index + 1) } {
            append.run(sequence, |pieces, work| (0..pieces).for_each(work));
        }
    });
}

/// The operation of [`append`] for one sequence.
struct AppendKv<'a> {
    isa: Isa,
    /// Length of a row, without padding.
    width: usize,
    /// Distance of two rows.
    stride: usize,
    /// Queries, keys and values.
    rows: DisjointSlice<'a, f32>,
    rotation: Rotation<'a>,
}

impl AppendKv<'_> {
    /// `for_each(n, work)` must call `work` once for each index in `0..n`, in any order or in
    /// parallel.
    fn run(
        &self,
        sequence: &mut Sequence<&mut Cache>,
        for_each: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        match sequence.cache.format() {
            CacheFormat::F32 => self.run_as::<f32>(sequence, for_each),
            CacheFormat::F16 => self.run_as::<u16>(sequence, for_each),
        }
    }

    fn run_as<E: Element>(
        &self,
        sequence: &mut Sequence<&mut Cache>,
        for_each: impl FnOnce(usize, &(dyn Fn(usize) + Sync)),
    ) {
        let Sequence { rows, start, cache } = sequence;
        let (first_row, start, end) = (rows.start, *start, *start + rows.len());
        let (heads, head_dim, layout) = (cache.heads(), cache.head_dim(), cache.layout());
        let first_page = start / PAGE_POSITIONS;
        let pages = cache.pages_mut::<E>(start..end);
        // A piece is a block of positions, because the keys of a block share vectors.
        let first_block = start / LANES;
        for_each(end.div_ceil(LANES) - first_block, &|piece| {
            let block = first_block + piece;
            let positions = start.max(block * LANES)..end.min((block + 1) * LANES);
            self.isa.run(AppendBlock {
                append: self,
                first_row: first_row + positions.start - start,
                positions,
                heads,
                head_dim,
                layout,
                page: &pages[block / PAGE_BLOCKS - first_page],
            });
        });
    }
}

/// The operation of [`append`] for positions of one block.
struct AppendBlock<'a, E> {
    append: &'a AppendKv<'a>,
    /// The row of the first position.
    first_row: usize,
    positions: Range<usize>,
    /// Number of heads of keys, and of values.
    heads: usize,
    head_dim: usize,
    layout: PageLayout,
    /// The page of the block.
    page: &'a DisjointSlice<'a, [E; LANES]>,
}

impl<E: Element> Kernel for AppendBlock<'_, E> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let AppendKv {
            width,
            stride,
            ref rows,
            rotation,
            ..
        } = *self.append;
        let (heads, head_dim) = (self.heads, self.head_dim);
        let rotated_heads = width / head_dim - heads;
        for (row, position) in (self.first_row..).zip(self.positions.clone()) {
            // SAFETY: every position, and so its row, belongs to one piece of one sequence.
            let row = unsafe { rows.part(row * stride..row * stride + width) };
            let (qk, values) = row.split_at_mut(rotated_heads * head_dim);
            for head in qk.chunks_exact_mut(head_dim) {
                rotation.rotate(position, head);
            }
            let keys = &qk[(rotated_heads - heads) * head_dim..];
            for head in 0..heads {
                let dims = head * head_dim..(head + 1) * head_dim;
                self.append_head(simd, position, head, &keys[dims.clone()], &values[dims]);
            }
        }
    }
}

impl<E: Element> AppendBlock<'_, E> {
    /// Appends the key and the value of one head, `[head_dim]` each.
    #[inline(always)]
    fn append_head<S: Simd>(
        &self,
        simd: S,
        position: usize,
        head: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let block = position / LANES % PAGE_BLOCKS;
        // SAFETY: every block of positions belongs to one piece.
        let keys = unsafe { self.page.part(self.layout.keys(head, block)) };
        for (keys, key) in keys.chunks_mut(LANES).zip(key.chunks(LANES)) {
            let mut elements = [E::zeroed(); LANES];
            E::store(simd, load_padded(simd, key), &mut elements);
            for (keys, element) in keys.iter_mut().zip(elements) {
                keys[position % LANES] = element;
            }
        }
        let position = position % PAGE_POSITIONS;
        // SAFETY: every position belongs to one piece.
        let values = unsafe { self.page.part(self.layout.values(head, position)) };
        for (values, value) in values.iter_mut().zip(value.chunks(LANES)) {
            E::store(simd, load_padded(simd, value), values);
        }
    }
}

/// Loads up to 16 numbers, padded with zeros.
#[inline(always)]
fn load_padded<S: Simd>(simd: S, from: &[f32]) -> S::F {
    match from.first_chunk() {
        Some(all) => simd.load(all),
        None => {
            let mut padded = [0.0; LANES];
            padded[..from.len()].copy_from_slice(from);
            simd.load(&padded)
        }
    }
}
