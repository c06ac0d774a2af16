//! Matrix times rows: the kernel that almost all of the time goes to.
//!
//! Every output is one sum over the inputs in their order, each product added with one rounding. That order holds for
//! any number of rows and threads and for every instruction set, so the same row gives the same bits wherever it is
//! computed.

use crate::activations::{Activations, Tile};
use crate::elementwise::silu;
use crate::format::{BLOCK, Format};
use crate::isa::{Isa, Kernel};
use crate::matrix::Matrix;
use crate::pool::Pool;
use crate::rows::{PANEL, Rows, Shared, stride};
use crate::simd::{LANES, Simd};
use bytemuck::Pod;
use std::ops::Range;

/// What becomes of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// They replace what is there.
    Store,
    /// They are added to what is there.
    Add,
    /// Panels are gates and values by turns: silu(gate) · value replaces what is there (SwiGLU, Shazeer 2020).
    SwiGlu,
}

/// Bytes of weights that make a piece of work worth its handing out.
const PIECE: usize = 64 << 10;

/// Multiplies `[outputs, inputs]` with each row, into rows of `[outputs]`.
pub(crate) fn multiply(
    isa: Isa,
    pool: &mut Pool,
    matrix: &Matrix,
    by: &Activations,
    into: &mut Rows,
    then: Then,
) {
    let columns = match then {
        Then::Store | Then::Add => matrix.panels(),
        Then::SwiGlu => matrix.panels() / 2,
    };
    let width = stride(into.width());
    let into = into.shared();
    // Several for each thread, so that none waits long for another, but none too small.
    let worth = matrix.panels() * matrix.panel_bytes() * by.rows().min(16) / PIECE;
    let pieces = worth.clamp(1, 8 * pool.threads()).min(columns);
    pool.run(pieces, &|_, piece| {
        isa.run(Multiply {
            matrix,
            by,
            columns: columns * piece / pieces..columns * (piece + 1) / pieces,
            into: &into,
            width,
            then,
        });
    });
}

struct Multiply<'a> {
    matrix: &'a Matrix,
    by: &'a Activations,
    /// Panels of outputs.
    columns: Range<usize>,
    into: &'a Shared<'a, f32>,
    /// Numbers in a row of `into`.
    width: usize,
    then: Then,
}

impl Kernel for Multiply<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.matrix.format() {
            Format::F32 => self.with::<S, F32>(simd),
            Format::F16 => self.with::<S, F16>(simd),
            Format::Bf16 => self.with::<S, Bf16>(simd),
            Format::Int8 => self.with::<S, Int8>(simd),
        }
    }
}

/// The outputs of a panel for some rows.
type Sums<S, const ROWS: usize> = [[<S as Simd>::F; 2]; ROWS];

/// How one format is multiplied.
trait Product {
    /// What a panel has for each group of inputs.
    type Group: Pod;

    fn sums<S: Simd, const ROWS: usize>(
        simd: S,
        panel: &[Self::Group],
        scales: &[f32; PANEL],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS>;
}

impl Multiply<'_> {
    #[inline(always)]
    fn with<S: Simd, P: Product>(&self, simd: S) {
        for column in self.columns.clone() {
            for tile in self.by.tiles() {
                match tile.rows {
                    1 => self.tile::<S, P, 1>(simd, column, &tile),
                    2 => self.tile::<S, P, 2>(simd, column, &tile),
                    3 => self.tile::<S, P, 3>(simd, column, &tile),
                    4 => self.tile::<S, P, 4>(simd, column, &tile),
                    5 => self.tile::<S, P, 5>(simd, column, &tile),
                    6 => self.tile::<S, P, 6>(simd, column, &tile),
                    7 => self.tile::<S, P, 7>(simd, column, &tile),
                    8 => self.tile::<S, P, 8>(simd, column, &tile),
                    9 => self.tile::<S, P, 9>(simd, column, &tile),
                    10 => self.tile::<S, P, 10>(simd, column, &tile),
                    11 => self.tile::<S, P, 11>(simd, column, &tile),
                    _ => self.tile::<S, P, 12>(simd, column, &tile),
                }
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, P: Product, const ROWS: usize>(
        &self,
        simd: S,
        column: usize,
        tile: &Tile<'_>,
    ) {
        // Tiles have at most so many rows; the rest need not be compiled.
        if ROWS > S::ROWS {
            return;
        }
        match self.then {
            Then::Store | Then::Add => {
                let sums = self.sums::<S, P, ROWS>(simd, column, tile);
                self.write(simd, column, tile, sums);
            }
            Then::SwiGlu => {
                let mut gates = self.sums::<S, P, ROWS>(simd, 2 * column, tile);
                let values = self.sums::<S, P, ROWS>(simd, 2 * column + 1, tile);
                for (gates, values) in gates.iter_mut().zip(values) {
                    gates[0] = simd.mul(silu(simd, gates[0]), values[0]);
                    gates[1] = simd.mul(silu(simd, gates[1]), values[1]);
                }
                self.write(simd, column, tile, gates);
            }
        }
    }

    #[inline(always)]
    fn sums<S: Simd, P: Product, const ROWS: usize>(
        &self,
        simd: S,
        panel: usize,
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        let weights = bytemuck::cast_slice(self.matrix.panel(panel));
        P::sums(simd, weights, self.matrix.scales(panel), tile)
    }

    /// Writes a panel of outputs of every row of a tile.
    #[inline(always)]
    fn write<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        column: usize,
        tile: &Tile<'_>,
        sums: Sums<S, ROWS>,
    ) {
        for (row, sums) in sums.into_iter().enumerate() {
            let start = (tile.first_row + row) * self.width + column * PANEL;
            // SAFETY: every column belongs to one piece of work.
            let into = unsafe { self.into.part(start..start + PANEL) };
            for (into, mut sum) in into.as_chunks_mut().0.iter_mut().zip(sums) {
                if self.then == Then::Add {
                    sum = simd.add(simd.load(into), sum);
                }
                simd.store(sum, into);
            }
        }
    }
}

/// How one format of floating point numbers is multiplied: one group after the other.
trait Step {
    type Half: Pod;

    /// Adds the products of one group of inputs, for half a panel.
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F;
}

impl<T: Step> Product for T {
    type Group = [T::Half; 2];

    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize>(
        simd: S,
        panel: &[Self::Group],
        _: &[f32; PANEL],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        let mut sums = [[simd.splat(0.0); 2]; ROWS];
        for (group, x) in panel.iter().zip(tile.words.as_chunks::<ROWS>().0) {
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[0] = T::step(simd, sums[0], &group[0], *x);
                sums[1] = T::step(simd, sums[1], &group[1], *x);
            }
        }
        sums
    }
}

struct F32;

impl Step for F32 {
    type Half = [f32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.load(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

struct F16;

impl Step for F16 {
    type Half = [u16; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.fma(simd.widen(weights), simd.splat(f32::from_bits(x)), sum)
    }
}

struct Bf16;

impl Step for Bf16 {
    type Half = [u32; LANES];

    #[inline(always)]
    fn step<S: Simd>(simd: S, sum: S::F, weights: &Self::Half, x: u32) -> S::F {
        simd.dot_bf16(sum, weights, x)
    }
}

struct Int8;

impl Product for Int8 {
    type Group = [[[u8; 4]; LANES]; 2];

    /// Whole numbers are summed exactly within a block of inputs, and the blocks in their order.
    #[inline(always)]
    fn sums<S: Simd, const ROWS: usize>(
        simd: S,
        panel: &[Self::Group],
        scales: &[f32; PANEL],
        tile: &Tile<'_>,
    ) -> Sums<S, ROWS> {
        let mut sums = [[simd.splat(0.0); 2]; ROWS];
        let words = tile.words.as_chunks::<ROWS>().0;
        let blocks = panel
            .chunks_exact(BLOCK / 4)
            .zip(words.chunks_exact(BLOCK / 4));
        let scales_of_x = tile.scales.as_chunks::<ROWS>().0;
        let offsets = tile.offsets.as_chunks::<ROWS>().0;
        for ((panel, words), (x_scales, offsets)) in blocks.zip(scales_of_x.iter().zip(offsets)) {
            let mut whole = [[simd.splat_i(0); 2]; ROWS];
            for (whole, offset) in whole.iter_mut().zip(offsets) {
                *whole = [simd.splat_i(*offset); 2];
            }
            for (group, words) in panel.iter().zip(words) {
                for (whole, word) in whole.iter_mut().zip(words) {
                    let x = word.to_le_bytes().map(|byte| byte as i8);
                    whole[0] = simd.dot_i8(whole[0], &group[0], x);
                    whole[1] = simd.dot_i8(whole[1], &group[1], x);
                }
            }
            for row in 0..ROWS {
                let scale = simd.splat(x_scales[row]);
                for half in 0..2 {
                    let whole = simd.to_f(whole[row][half]);
                    sums[row][half] = simd.fma(whole, scale, sums[row][half]);
                }
            }
        }
        let scales = scales.as_chunks::<LANES>().0;
        for sums in &mut sums {
            for (sum, scales) in sums.iter_mut().zip(scales) {
                *sum = simd.mul(*sum, simd.load(scales));
            }
        }
        sums
    }
}
