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
use crate::simd::{LANES, Line, Simd};
use bytemuck::{Pod, Zeroable};
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

/// Tiles of rows for which a panel of f16 is widened once for all of them, instead of each time.
const WORTH_WIDENING: usize = 3;

/// Multiplies `[outputs, inputs]` with each row, into rows of `[outputs]`. `widened` is scratch.
pub(crate) fn multiply(
    isa: Isa,
    pool: &mut Pool,
    widened: &mut Vec<Line>,
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
    let widen = matrix.format() == Format::F16 && by.tiles().count() >= WORTH_WIDENING;
    // A gate's panel and a value's, for each thread.
    let room = if widen {
        matrix.shape().inputs * 2 * PANEL
    } else {
        0
    };
    widened.resize(pool.threads() * room / LANES, Line::zeroed());
    let widened = Shared::new(bytemuck::cast_slice_mut(widened));
    pool.run(pieces, &|thread, piece| {
        // SAFETY: every thread has a part of its own.
        let widened = unsafe { widened.part(thread * room..(thread + 1) * room) };
        isa.run(Multiply {
            matrix,
            widened,
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
    /// Room for two panels in f32, if they are to be widened.
    widened: &'a mut [f32],
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
            Format::F16 if self.widened.is_empty() => self.with::<S, F16>(simd),
            Format::F16 => self.with_widened(simd),
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
            let panels = self.panels(column).map(|panel| self.matrix.panel(panel));
            self.column::<S, P>(simd, column, panels.map(bytemuck::cast_slice));
        }
    }

    /// f16 as f32, which they become anyway, but once for all rows.
    #[inline(always)]
    fn with_widened<S: Simd>(mut self, simd: S) {
        let widened = std::mem::take(&mut self.widened);
        let (first, second) = widened.split_at_mut(widened.len() / 2);
        for column in self.columns.clone() {
            let panels = self.panels(column);
            widen(simd, self.matrix.panel(panels[0]), first);
            if panels[1] != panels[0] {
                widen(simd, self.matrix.panel(panels[1]), second);
            }
            let panels = [&*first, &*second];
            self.column::<S, F32>(simd, column, panels.map(bytemuck::cast_slice));
        }
    }

    /// The panel of a column, and that of its values where it is one of gates.
    #[inline(always)]
    fn panels(&self, column: usize) -> [usize; 2] {
        match self.then {
            Then::Store | Then::Add => [column; 2],
            Then::SwiGlu => [2 * column, 2 * column + 1],
        }
    }

    #[inline(always)]
    fn column<S: Simd, P: Product>(&self, simd: S, column: usize, panels: [&[P::Group]; 2]) {
        for tile in self.by.tiles() {
            match tile.rows {
                1 => self.tile::<S, P, 1>(simd, column, panels, &tile),
                2 => self.tile::<S, P, 2>(simd, column, panels, &tile),
                3 => self.tile::<S, P, 3>(simd, column, panels, &tile),
                4 => self.tile::<S, P, 4>(simd, column, panels, &tile),
                5 => self.tile::<S, P, 5>(simd, column, panels, &tile),
                6 => self.tile::<S, P, 6>(simd, column, panels, &tile),
                7 => self.tile::<S, P, 7>(simd, column, panels, &tile),
                8 => self.tile::<S, P, 8>(simd, column, panels, &tile),
                9 => self.tile::<S, P, 9>(simd, column, panels, &tile),
                10 => self.tile::<S, P, 10>(simd, column, panels, &tile),
                11 => self.tile::<S, P, 11>(simd, column, panels, &tile),
                _ => self.tile::<S, P, 12>(simd, column, panels, &tile),
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, P: Product, const ROWS: usize>(
        &self,
        simd: S,
        column: usize,
        panels: [&[P::Group]; 2],
        tile: &Tile<'_>,
    ) {
        // Tiles have at most so many rows; the rest need not be compiled.
        if ROWS > S::ROWS {
            return;
        }
        let scales = self.panels(column).map(|panel| self.matrix.scales(panel));
        let mut sums: Sums<S, ROWS> = P::sums(simd, panels[0], scales[0], tile);
        if self.then == Then::SwiGlu {
            let values: Sums<S, ROWS> = P::sums(simd, panels[1], scales[1], tile);
            for (gates, values) in sums.iter_mut().zip(values) {
                gates[0] = simd.mul(silu(simd, gates[0]), values[0]);
                gates[1] = simd.mul(silu(simd, gates[1]), values[1]);
            }
        }
        self.write(simd, column, tile, sums);
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

/// A panel of f16 as f32.
#[inline(always)]
fn widen<S: Simd>(simd: S, panel: &[u8], into: &mut [f32]) {
    let halves: &[[u16; LANES]] = bytemuck::cast_slice(panel);
    for (half, into) in halves.iter().zip(into.as_chunks_mut().0) {
        simd.store(simd.widen(half), into);
    }
}

/// How far ahead weights are asked for, in bytes.
const AHEAD: usize = 2 << 10;

/// Asks memory for weights that come soon. With few rows the processor looks far enough ahead by itself; with many it has
/// so much to compute between two reads that it would wait for each.
#[inline(always)]
fn ahead<S: Simd, const ROWS: usize, T>(simd: S, group: &T) {
    if ROWS >= 8 {
        let address = std::ptr::from_ref(group).cast::<u8>().wrapping_add(AHEAD);
        for line in 0..size_of::<T>().div_ceil(64) {
            simd.prefetch(address.wrapping_add(64 * line));
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
            ahead::<S, ROWS, _>(simd, group);
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
