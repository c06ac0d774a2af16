//! What a matrix is multiplied with, laid out as the product reads it.

use crate::format::{BLOCK, Format, bf16_pair, per_unit};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{Rows, Shared};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Rows of inputs for matrices of one format, in tiles: as many rows as a product computes at once, group by group.
#[derive(Clone, Debug, Default)]
pub struct Activations {
    format: Option<Format>,
    rows: usize,
    groups: usize,
    /// Rows of every tile but the last, which may have fewer.
    tile_rows: usize,
    /// For each tile `[groups, rows]`: an f32, two bf16 or four i8.
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
    /// `[groups, rows]`.
    pub(crate) words: &'a [u32],
    /// `[blocks, rows]`.
    pub(crate) scales: &'a [f32],
    /// `[blocks, rows]`.
    pub(crate) offsets: &'a [i32],
}

impl Tile<'_> {
    /// The same rows for these groups only, which begin with a block.
    pub(crate) fn part(&self, groups: Range<usize>) -> Tile<'_> {
        let blocks = if self.scales.is_empty() {
            0..0
        } else {
            groups.start / BLOCK_GROUPS * self.rows..groups.end / BLOCK_GROUPS * self.rows
        };
        Tile {
            first_row: self.first_row,
            rows: self.rows,
            words: &self.words[groups.start * self.rows..groups.end * self.rows],
            scales: &self.scales[blocks.clone()],
            offsets: &self.offsets[blocks],
        }
    }
}

/// Groups in a block.
const BLOCK_GROUPS: usize = BLOCK / 4;

// What is laid out at once has one scale.
const _: () = assert!(BLOCK_GROUPS == LANES);

impl Activations {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether they are for matrices of this format with so many inputs, and for these instructions.
    pub(crate) fn fit(&self, isa: Isa, format: Format, inputs: usize) -> bool {
        self.format == Some(format)
            && self.groups == format.groups(inputs)
            && self.tile_rows == tile_rows(isa, format)
    }

    pub(crate) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let step = self.tile_rows.max(1);
        (0..self.rows).step_by(step).map(move |first_row| {
            let rows = step.min(self.rows - first_row);
            let blocks = self.groups / BLOCK_GROUPS;
            let of_blocks = if self.scales.is_empty() {
                0..0
            } else {
                first_row * blocks..(first_row + rows) * blocks
            };
            Tile {
                first_row,
                rows,
                words: &self.words[first_row * self.groups..(first_row + rows) * self.groups],
                scales: &self.scales[of_blocks.clone()],
                offsets: &self.offsets[of_blocks],
            }
        })
    }

    /// Lays out `[rows, inputs]`.
    pub(crate) fn fill(&mut self, isa: Isa, pool: &mut Pool, from: &Rows, format: Format) {
        let is_int8 = format == Format::Int8;
        self.format = Some(format);
        self.rows = from.rows();
        self.groups = format.groups(from.width());
        self.tile_rows = tile_rows(isa, format);
        let blocks = if is_int8 {
            self.groups / BLOCK_GROUPS
        } else {
            0
        };
        self.words.resize(self.rows * self.groups, 0);
        self.scales.resize(self.rows * blocks, 0.0);
        self.offsets.resize(self.rows * blocks, 0);

        let (rows, groups, tile_rows) = (self.rows, self.groups, self.tile_rows);
        let words = Shared::new(&mut self.words);
        let scales = Shared::new(&mut self.scales);
        let offsets = Shared::new(&mut self.offsets);
        pool.run(rows.div_ceil(tile_rows), &|_, tile| {
            let first = tile * tile_rows;
            let behind = rows.min(first + tile_rows);
            // SAFETY: every tile belongs to one piece.
            let (words, scales, offsets) = unsafe {
                (
                    words.part(first * groups..behind * groups),
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

/// Rows of a tile.
fn tile_rows(isa: Isa, format: Format) -> usize {
    match format {
        // Sums of whole numbers and of floating point numbers need registers each, but the latter only now and then.
        Format::Int8 => isa.rows().div_ceil(2).max(2),
        Format::F32 | Format::F16 | Format::Bf16 => isa.rows(),
    }
}

/// Lays out a tile.
struct Fill<'a> {
    from: &'a Rows,
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
            (1, Format::Bf16) => {
                let words = self.words.iter_mut().zip(row.as_chunks::<2>().0);
                words.for_each(|(word, x)| *word = bf16_pair(x[0], x[1]));
            }
            _ => self.by_blocks(simd),
        }
    }
}

impl Fill<'_> {
    /// Sixteen groups of every row, before the next sixteen: what is written lies together.
    #[inline(always)]
    fn by_blocks<S: Simd>(self, simd: S) {
        let (first, rows) = (self.rows.start, self.rows.len());
        let inputs = self.format.group() * LANES;
        for (block, words) in self.words.chunks_mut(LANES * rows).enumerate() {
            for row in 0..rows {
                let from = &self.from.padded(first + row)[block * inputs..];
                let numbers = match self.format {
                    Format::F32 | Format::F16 => floats(from),
                    Format::Bf16 => pairs(from),
                    Format::Int8 => {
                        let quantised = quantise(simd, from);
                        self.scales[block * rows + row] = quantised.scale;
                        self.offsets[block * rows + row] = -128 * quantised.sum;
                        quantised.words
                    }
                };
                if rows == 1 {
                    words.copy_from_slice(&numbers[..words.len()]);
                } else {
                    let words = words[row..].iter_mut().step_by(rows);
                    words.zip(numbers).for_each(|(word, x)| *word = x);
                }
            }
        }
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
