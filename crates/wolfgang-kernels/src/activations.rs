//! Activations packed for matrix products.

use crate::format::{BLOCK, Format, bf16_bits, bf16_pair, per_unit};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{DisjointSlice, RowMatrix};
use crate::simd::{LANES, Simd, split_x};
use std::ops::Range;

/// Rows of activations, packed in tiles for products with matrices of one [`Format`].
///
/// A tile has the rows that a product computes at once; its inputs are interleaved group by group.
#[derive(Clone, Debug, Default)]
pub struct PackedActivations {
    format: Option<Format>,
    rows: usize,
    /// Words of a row.
    length: usize,
    /// Scales of a row; none but for [`Format::Int8`].
    blocks: usize,
    /// Rows of every tile except the last, which may have fewer.
    tile_rows: usize,
    /// For each tile `[length, rows]`: an f32; two bf16 or four i8, where there are instructions for them, else a bf16 as
    /// f32 or two numbers of 16 bits.
    words: Vec<u32>,
    /// [`Format::Int8`] only, for each tile `[blocks, rows]`.
    scales: Vec<f32>,
    /// As the scales: what the offset of the weights adds to a block's sum of products, negative.
    offsets: Vec<i32>,
}

/// One tile.
pub(crate) struct Tile<'a> {
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    /// `[length, rows]`.
    pub(crate) words: &'a [u32],
    /// `[blocks, rows]`.
    pub(crate) scales: &'a [f32],
    /// `[blocks, rows]`.
    pub(crate) offsets: &'a [i32],
}

impl Tile<'_> {
    /// The same rows for these words only, which begin with a block.
    pub(crate) fn part(&self, words: Range<usize>) -> Tile<'_> {
        // One block for so many words, or none.
        let blocks = match self.words.len().checked_div(self.scales.len()) {
            Some(each) => words.start / each * self.rows..words.end / each * self.rows,
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

// What is laid out at once has one scale.
const _: () = assert!(BLOCK / 4 == LANES);

impl PackedActivations {
    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether they are for matrices of this format with so many inputs, and for these instructions.
    pub(crate) fn fit(&self, isa: Isa, format: Format, inputs: usize) -> bool {
        self.format == Some(format)
            && self.length == length(isa, format, inputs)
            && self.tile_rows == tile_rows(isa, format, self.rows)
    }

    /// Rows of every tile except the last, which may have fewer.
    pub(crate) fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    pub(crate) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let step = self.tile_rows.max(1);
        (0..self.rows).step_by(step).map(move |first_row| {
            let rows = step.min(self.rows - first_row);
            let of_blocks = first_row * self.blocks..(first_row + rows) * self.blocks;
            Tile {
                first_row,
                rows,
                words: &self.words[first_row * self.length..(first_row + rows) * self.length],
                scales: &self.scales[of_blocks.clone()],
                offsets: &self.offsets[of_blocks],
            }
        })
    }

    /// Lays out `[rows, inputs]`.
    pub(crate) fn fill(&mut self, isa: Isa, pool: &mut Pool, from: &RowMatrix, format: Format) {
        self.format = Some(format);
        self.rows = from.rows();
        self.length = length(isa, format, from.width());
        self.tile_rows = tile_rows(isa, format, self.rows);
        self.blocks = match format {
            Format::Int8 => from.width().div_ceil(BLOCK),
            _ => 0,
        };
        self.words.resize(self.rows * self.length, 0);
        self.scales.resize(self.rows * self.blocks, 0.0);
        self.offsets.resize(self.rows * self.blocks, 0);

        let (rows, length, blocks) = (self.rows, self.length, self.blocks);
        let tile_rows = self.tile_rows;
        let words = DisjointSlice::new(&mut self.words);
        let scales = DisjointSlice::new(&mut self.scales);
        let offsets = DisjointSlice::new(&mut self.offsets);
        pool.run(rows.div_ceil(tile_rows), &|_, tile| {
            let first = tile * tile_rows;
            let behind = rows.min(first + tile_rows);
            // SAFETY: every tile belongs to one piece.
            let (words, scales, offsets) = unsafe {
                (
                    words.part(first * length..behind * length),
                    scales.part(first * blocks..behind * blocks),
                    offsets.part(first * blocks..behind * blocks),
                )
            };
            isa.run(Fill {
                from,
                rows: first..behind,
                format,
                words,
                scales,
                offsets,
            });
        });
    }
}

/// Words of a row. What has no instruction of its own is laid out as what it is multiplied as.
fn length(isa: Isa, format: Format, inputs: usize) -> usize {
    let groups = format.groups(inputs);
    if isa.has_dot_product(format) {
        groups
    } else {
        2 * groups
    }
}

/// Rows of a tile: so many that there are few tiles, all of nearly the same size.
fn tile_rows(isa: Isa, format: Format, rows: usize) -> usize {
    let most = isa.rows(format);
    rows.div_ceil(rows.div_ceil(most).max(1)).max(1)
}

/// Lays out a tile.
struct Fill<'a> {
    from: &'a RowMatrix,
    rows: Range<usize>,
    format: Format,
    words: &'a mut [u32],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
}

impl Kernel for Fill<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let row = self.from.padded(self.rows.start);
        match (self.rows.len(), self.format) {
            // Much of it comes from another core's cache: the simpler the loop, the more of it is on its way at a time.
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
                words.for_each(|(word, x)| *word = bf16_alone(x.to_bits()));
            }
            _ => self.by_blocks(simd),
        }
    }
}

impl Fill<'_> {
    /// Some inputs of every row, before the next: what is written lies together.
    #[inline(always)]
    fn by_blocks<S: Simd>(self, simd: S) {
        let rows = self.rows.len();
        let (inputs, length) = match self.format {
            Format::F32 | Format::F16 => (LANES, LANES),
            Format::Bf16 if S::DOTS_BF16 => (2 * LANES, LANES),
            Format::Bf16 => (LANES, LANES),
            Format::Int8 if S::DOTS_I8 => (BLOCK, LANES),
            Format::Int8 => (BLOCK, 2 * LANES),
        };
        for (block, words) in self.words.chunks_mut(length * rows).enumerate() {
            for row in 0..rows {
                let from = &self.from.padded(self.rows.start + row)[block * inputs..];
                let into = &mut words[row..];
                match self.format {
                    Format::F32 | Format::F16 => interleave(&floats(from), into, rows),
                    Format::Bf16 if S::DOTS_BF16 => interleave(&pairs(from), into, rows),
                    Format::Bf16 => interleave(&floats(from).map(bf16_alone), into, rows),
                    Format::Int8 => {
                        let quantised = quantise(simd, from);
                        self.scales[block * rows + row] = quantised.scale;
                        self.offsets[block * rows + row] = -128 * quantised.sum;
                        if S::DOTS_I8 {
                            interleave(&quantised.words, into, rows);
                        } else {
                            interleave(quantised.words.map(split_x).as_flattened(), into, rows);
                        }
                    }
                }
            }
        }
    }
}

/// Writes a row's words, as many as there is room for, with those of the other rows between them.
#[inline(always)]
fn interleave(words: &[u32], into: &mut [u32], rows: usize) {
    if rows == 1 {
        let n = words.len().min(into.len());
        into[..n].copy_from_slice(&words[..n]);
    } else {
        let into = into.iter_mut().step_by(rows);
        into.zip(words).for_each(|(to, word)| *to = *word);
    }
}

/// As many numbers as there are, and zeros.
#[inline(always)]
fn head<const N: usize>(from: &[f32]) -> [f32; N] {
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
fn floats(from: &[f32]) -> [u32; LANES] {
    head::<LANES>(from).map(f32::to_bits)
}

/// An f32 rounded to bf16, as the bits of an f32 again.
#[inline(always)]
fn bf16_alone(bits: u32) -> u32 {
    bf16_bits(f32::from_bits(bits)) << 16
}

#[inline(always)]
fn pairs(from: &[f32]) -> [u32; LANES] {
    let numbers: [f32; 2 * LANES] = head(from);
    let mut pairs = [0; LANES];
    for (pair, x) in pairs.iter_mut().zip(numbers.as_chunks::<2>().0) {
        *pair = bf16_pair(x[0], x[1]);
    }
    pairs
}

/// A block of inputs as whole numbers.
struct Quantised {
    words: [u32; LANES],
    scale: f32,
    /// Of the numbers.
    sum: i32,
}

#[inline(always)]
fn quantise<S: Simd>(simd: S, from: &[f32]) -> Quantised {
    let block: [f32; BLOCK] = head(from);
    let lines = block.as_chunks::<LANES>().0;
    let mut largest = simd.splat(0.0);
    for line in lines {
        let x = simd.load(line);
        largest = simd.max(largest, simd.max(x, simd.sub(simd.splat(0.0), x)));
    }
    let mut each = [0.0; LANES];
    simd.store(largest, &mut each);
    let scale = each.iter().fold(0f32, |a, b| a.max(*b)) / 127.0;

    let per_unit = simd.splat(per_unit(scale));
    let (mut bytes, mut sum) = ([[0; LANES]; BLOCK / LANES], simd.splat(0.0));
    for (line, bytes) in lines.iter().zip(&mut bytes) {
        let whole = simd.round(simd.mul(simd.load(line), per_unit));
        sum = simd.add(sum, whole);
        *bytes = simd.to_i8(whole);
    }
    simd.store(sum, &mut each);
    // Whole numbers, and so exact.
    let sum: f32 = each.iter().sum();
    Quantised {
        words: bytemuck::cast(bytes),
        // Not every instruction set keeps NaN and infinities so far, but the sum does.
        scale: if sum.is_finite() { scale } else { f32::NAN },
        sum: sum as i32,
    }
}
