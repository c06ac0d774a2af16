//! What a matrix is multiplied with, laid out as the product reads it.

use crate::format::{BLOCK, Format, bf16_pair, per_unit, quantised};
use crate::isa::{Isa, Kernel};
use crate::pool::Pool;
use crate::rows::{Rows, Shared};
use crate::simd::Simd;

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

/// Groups in a block.
const BLOCK_GROUPS: usize = BLOCK / 4;

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
            for row in first..behind {
                isa.run(Fill {
                    from: from.row(row),
                    format,
                    words: &mut words[row - first..],
                    scales: scales.get_mut(row - first..).unwrap_or_default(),
                    offsets: offsets.get_mut(row - first..).unwrap_or_default(),
                    rows: behind - first,
                });
            }
        });
    }
}

/// Rows of a tile.
fn tile_rows(isa: Isa, format: Format) -> usize {
    match format {
        // Sums of whole numbers and of floating point numbers need registers each.
        Format::Int8 => isa.rows().div_ceil(2),
        Format::F32 | Format::F16 | Format::Bf16 => isa.rows(),
    }
}

/// Lays out one row of a tile, whose numbers stand `rows` apart.
struct Fill<'a> {
    from: &'a [f32],
    format: Format,
    words: &'a mut [u32],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
    rows: usize,
}

impl Kernel for Fill<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let words = self.words.iter_mut().step_by(self.rows);
        match self.format {
            Format::F32 | Format::F16 => {
                words
                    .zip(self.from)
                    .for_each(|(word, x)| *word = x.to_bits());
            }
            Format::Bf16 => {
                for (word, pair) in words.zip(self.from.chunks(2)) {
                    *word = bf16_pair(pair[0], pair.get(1).copied().unwrap_or(0.0));
                }
            }
            Format::Int8 => {
                let mut words = words;
                let blocks = self.from.chunks(BLOCK).enumerate();
                for (block, from) in blocks {
                    let mut padded = [0.0; BLOCK];
                    padded[..from.len()].copy_from_slice(from);
                    let largest = padded.iter().fold(0f32, |max, x| {
                        let x = x.abs();
                        if x > max { x } else { max }
                    });
                    let scale = largest / 127.0;
                    let per_unit = per_unit(scale);
                    let numbers = padded.map(|x| quantised(x, per_unit) as i8);
                    let sum: i32 = numbers.iter().map(|x| i32::from(*x)).sum();
                    self.scales[block * self.rows] = scale;
                    self.offsets[block * self.rows] = -128 * sum;
                    for (four, word) in numbers.as_chunks::<4>().0.iter().zip(words.by_ref()) {
                        *word = u32::from_le_bytes(four.map(|x| x as u8));
                    }
                }
            }
        }
    }
}
