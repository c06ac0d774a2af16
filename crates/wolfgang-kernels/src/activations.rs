//! Activations packed for matrix products.

use crate::disjoint_slice::DisjointSlice;
use crate::format::{BLOCK, Format, GROUP};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::quantisation::{bf16_bits, bf16_pair, inv_scale};
use crate::rows::RowMatrix;
use crate::simd::{LANES, Simd, Vec16, split_i8_word};
use bytemuck::Zeroable;
use std::ops::Range;

/// Rows of activations, packed in tiles for products with matrices of one [`Format`].
///
/// A tile has the rows that a product computes at once; its inputs are interleaved group by group.
#[derive(Clone, Debug, Default)]
pub struct PackedActivations {
    format: Option<Format>,
    rows: usize,
    /// Number of words per row.
    row_words: usize,
    /// Number of quantisation blocks per row; 0 except for [`Format::Int8`] and [`Format::Int4`].
    blocks: usize,
    /// Number of rows of every tile except the last, which may have fewer.
    tile_rows: usize,
    /// For each tile `[row_words, rows]`, or `[blocks, rows, 16]` for tile registers. With
    /// dot-product instructions a word is two bf16 or four int8, without them a bf16 as f32 or two
    /// int8 as 16-bit integers. Otherwise it is an f32. Aligned, because tile registers are loaded from them.
    words: Vec<Vec16>,
    /// For [`Format::Int8`] and [`Format::Int4`], for each tile `[blocks, rows]`.
    scales: Vec<f32>,
    /// For the same formats, for each tile `[blocks, rows]`: what compensates the offset of the
    /// packed weights, 128 or 8, in the sum of products of a block.
    offsets: Vec<i32>,
}

/// A view of one tile.
pub(crate) struct Tile<'a> {
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    /// `[row_words, rows]`.
    pub(crate) words: &'a [u32],
    /// `[blocks, rows]`.
    pub(crate) scales: &'a [f32],
    /// `[blocks, rows]`.
    pub(crate) offsets: &'a [i32],
}

impl Tile<'_> {
    /// The same rows, restricted to a range of words that begins at a quantisation block.
    pub(crate) fn k_block(&self, words: Range<usize>) -> Tile<'_> {
        // Number of words per block; `None` if the format has no blocks.
        let blocks = match self.words.len().checked_div(self.scales.len()) {
            Some(block) => words.start / block * self.rows..words.end / block * self.rows,
            None => 0..0,
        };
        Tile {
            first_row: self.first_row,
            rows: self.rows,
            words: &self.words[words.start * self.rows..words.end * self.rows],
            scales: &self.scales[blocks.clone()],
            offsets: &self.offsets[blocks],
        }
    }
}

// A quantisation block fills the words of one vector.
const _: () = assert!(BLOCK / 4 == LANES);

impl PackedActivations {
    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the activations are packed for matrices of this format with `inputs` inputs, and for
    /// this instruction set.
    pub(crate) fn fit(&self, isa: Isa, format: Format, inputs: usize) -> bool {
        self.format == Some(format)
            && self.row_words == row_words(isa, format, inputs)
            && self.tile_rows == tile_rows(isa, format, self.rows)
    }

    /// Number of rows of every tile except the last, which may have fewer.
    pub(crate) fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    pub(crate) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let step = self.tile_rows.max(1);
        let all_words: &[u32] = bytemuck::cast_slice(&self.words);
        (0..self.rows).step_by(step).map(move |first_row| {
            let rows = step.min(self.rows - first_row);
            let words = first_row * self.row_words..(first_row + rows) * self.row_words;
            let blocks = first_row * self.blocks..(first_row + rows) * self.blocks;
            Tile {
                first_row,
                rows,
                words: &all_words[words],
                scales: &self.scales[blocks.clone()],
                offsets: &self.offsets[blocks],
            }
        })
    }

    /// Packs `[rows, inputs]`. Memory is reused.
    pub(crate) fn pack(&mut self, isa: Isa, pool: &mut Pool, from: &RowMatrix, format: Format) {
        self.format = Some(format);
        self.rows = from.rows();
        self.row_words = row_words(isa, format, from.width());
        self.tile_rows = tile_rows(isa, format, self.rows);
        let inputs = format.groups(from.width()) * format.group();
        self.blocks = format.activation_block().map_or(0, |block| inputs / block);
        let vectors = (self.rows * self.row_words).div_ceil(LANES);
        self.words.resize(vectors, Vec16::zeroed());
        self.scales.resize(self.rows * self.blocks, 0.0);
        self.offsets.resize(self.rows * self.blocks, 0);

        let (rows, row_words, blocks) = (self.rows, self.row_words, self.blocks);
        let tile_rows = self.tile_rows;
        let is_row_by_row = isa.has_tile_registers(format, rows);
        let words = DisjointSlice::new(bytemuck::cast_slice_mut(&mut self.words));
        let scales = DisjointSlice::new(&mut self.scales);
        let offsets = DisjointSlice::new(&mut self.offsets);
        pool.run(rows.div_ceil(tile_rows), &|_, tile| {
            let first = tile * tile_rows;
            let end = rows.min(first + tile_rows);
            // SAFETY: every tile belongs to one piece.
            let (words, scales, offsets) = unsafe {
                (
                    words.part(first * row_words..end * row_words),
                    scales.part(first * blocks..end * blocks),
                    offsets.part(first * blocks..end * blocks),
                )
            };
            isa.run(PackTile {
                from,
                rows: first..end,
                format,
                is_row_by_row,
                words,
                scales,
                offsets,
            });
        });
    }
}

/// Number of words per row. Without a dot-product instruction, two words take the place of one.
fn row_words(isa: Isa, format: Format, inputs: usize) -> usize {
    let groups = format.groups(inputs);
    if isa.has_dot_product(format) {
        groups
    } else {
        2 * groups
    }
}

/// Number of rows per tile: the fewest tiles possible, of nearly equal size.
fn tile_rows(isa: Isa, format: Format, rows: usize) -> usize {
    let max = isa.max_tile_rows(format, rows);
    rows.div_ceil(rows.div_ceil(max).max(1)).max(1)
}

/// Packs one tile.
struct PackTile<'a> {
    from: &'a RowMatrix,
    rows: Range<usize>,
    format: Format,
    /// Whether the rows of a quantisation block follow one another.
    is_row_by_row: bool,
    words: &'a mut [u32],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
}

impl Kernel for PackTile<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let row = self.from.padded(self.rows.start);
        match (self.rows.len(), self.format) {
            // A single row is often in the cache of another core. These simple loops keep many
            // reads in flight.
            (1, Format::F32 | Format::F16) => {
                let words = self.words.iter_mut().zip(row);
                words.for_each(|(word, x)| *word = x.to_bits());
            }
            (1, Format::Bf16) if S::DOTS_BF16 => {
                let words = self.words.iter_mut().zip(row.as_chunks::<2>().0);
                words.for_each(|(word, x)| *word = bf16_pair(x[0], x[1]));
            }
            (1, Format::Bf16) => {
                let words = self.words.iter_mut().zip(row);
                words.for_each(|(word, x)| *word = round_to_bf16(x.to_bits()));
            }
            _ => self.pack_blocks(simd),
        }
    }
}

impl PackTile<'_> {
    /// Packs a block of inputs of every row, then the next block, so that writes are contiguous.
    #[inline(always)]
    fn pack_blocks<S: Simd>(self, simd: S) {
        let rows = self.rows.len();
        let (block_inputs, block_words) = match self.format {
            // Four cache lines of a row at a time: with one, reads would alternate between too many
            // rows for the hardware prefetcher.
            Format::F32 | Format::F16 => (4 * LANES, 4 * LANES),
            Format::Bf16 if S::DOTS_BF16 => (2 * LANES, LANES),
            Format::Bf16 => (LANES, LANES),
            Format::Int8 if S::DOTS_I8 => (BLOCK, LANES),
            Format::Int8 => (BLOCK, 2 * LANES),
            Format::Int4 => (GROUP, GROUP / 4),
        };
        for (block, words) in self.words.chunks_mut(block_words * rows).enumerate() {
            for row in 0..rows {
                let from = &self.from.padded(self.rows.start + row)[block * block_inputs..];
                let into = &mut words[row..];
                match self.format {
                    Format::F32 | Format::F16 => interleave(bytemuck::cast_slice(from), into, rows),
                    Format::Bf16 if S::DOTS_BF16 => interleave(&bf16_pairs(from), into, rows),
                    Format::Bf16 => interleave(&f32_words(from).map(round_to_bf16), into, rows),
                    Format::Int8 => {
                        let quantised = quantise_block::<S, { BLOCK / LANES }>(simd, from);
                        self.scales[block * rows + row] = quantised.scale;
                        let offset = if S::SUBTRACTS_I8_OFFSET { 0 } else { -128 };
                        self.offsets[block * rows + row] = offset * quantised.sum;
                        if self.is_row_by_row {
                            words[row * LANES..(row + 1) * LANES]
                                .copy_from_slice(quantised.words.as_flattened());
                        } else if S::DOTS_I8 {
                            interleave(quantised.words.as_flattened(), into, rows);
                        } else {
                            let split = quantised.words.map(|words| words.map(split_i8_word));
                            interleave(split.as_flattened().as_flattened(), into, rows);
                        }
                    }
                    Format::Int4 => {
                        let quantised = quantise_block::<S, { GROUP / LANES }>(simd, from);
                        self.scales[block * rows + row] = quantised.scale;
                        self.offsets[block * rows + row] = -8 * quantised.sum;
                        interleave(quantised.words.as_flattened(), into, rows);
                    }
                }
            }
        }
    }
}

/// Writes the words of one row to every `rows`-th word of `into`, up to its end.
#[inline(always)]
fn interleave(words: &[u32], into: &mut [u32], rows: usize) {
    if rows == 1 {
        let n = words.len().min(into.len());
        into[..n].copy_from_slice(&words[..n]);
    } else {
        let into = into.chunks_mut(rows);
        into.zip(words).for_each(|(to, word)| to[0] = *word);
    }
}

/// Returns the first `N` numbers, padded with zeros.
#[inline(always)]
fn zero_padded<const N: usize>(from: &[f32]) -> [f32; N] {
    match from.first_chunk() {
        Some(all) => *all,
        None => {
            let mut padded = [0.0; N];
            padded[..from.len()].copy_from_slice(from);
            padded
        }
    }
}

#[inline(always)]
fn f32_words(from: &[f32]) -> [u32; LANES] {
    zero_padded::<LANES>(from).map(f32::to_bits)
}

/// Rounds an f32 to bf16. Argument and result are bits of an f32.
#[inline(always)]
fn round_to_bf16(bits: u32) -> u32 {
    bf16_bits(f32::from_bits(bits)) << 16
}

#[inline(always)]
fn bf16_pairs(from: &[f32]) -> [u32; LANES] {
    let numbers: [f32; 2 * LANES] = zero_padded(from);
    let mut pairs = [0; LANES];
    for (pair, x) in pairs.iter_mut().zip(numbers.as_chunks::<2>().0) {
        *pair = bf16_pair(x[0], x[1]);
    }
    pairs
}

/// A block of inputs quantised to int8.
struct QuantisedBlock<const VECTORS: usize> {
    /// Four int8 per word.
    words: [[u32; LANES / 4]; VECTORS],
    scale: f32,
    /// Sum of the int8.
    sum: i32,
}

#[inline(always)]
fn quantise_block<S: Simd, const VECTORS: usize>(simd: S, from: &[f32]) -> QuantisedBlock<VECTORS> {
    let mut padded = [[0.0; LANES]; VECTORS];
    let vectors = match from.as_chunks().0.first_chunk() {
        Some(all) => all,
        None => {
            padded.as_flattened_mut()[..from.len()].copy_from_slice(from);
            &padded
        }
    };
    let mut largest = simd.splat(0.0);
    for vector in vectors {
        let x = simd.load(vector);
        largest = simd.max(largest, simd.max(x, simd.sub(simd.splat(0.0), x)));
    }
    let mut lanes = [0.0; LANES];
    simd.store(largest, &mut lanes);
    let scale = reduce(lanes, |a, b| if a > b { a } else { b }) / 127.0;

    let inv_scale = simd.splat(inv_scale(scale));
    let (mut bytes, mut sum) = ([[0; LANES]; VECTORS], simd.splat(0.0));
    for (vector, bytes) in vectors.iter().zip(&mut bytes) {
        let integers = simd.round(simd.mul(simd.load(vector), inv_scale));
        sum = simd.add(sum, integers);
        *bytes = simd.to_i8(integers);
    }
    simd.store(sum, &mut lanes);
    // Exact, because all summands are small integers.
    let sum = reduce(lanes, |a, b| a + b);
    QuantisedBlock {
        words: bytes.map(bytemuck::cast),
        // The maximum can lose NaN on some instruction sets, but the sum cannot.
        scale: if sum.is_finite() { scale } else { f32::NAN },
        sum: sum as i32,
    }
}

/// Combines all elements, pair by pair.
#[inline(always)]
fn reduce(lanes: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = lanes;
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low = combine(*low, *high);
        }
        half /= 2;
    }
    lanes[0]
}
