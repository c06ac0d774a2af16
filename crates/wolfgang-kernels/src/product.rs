//! Matrix product, the kernel in which almost all time is spent.
//!
//! Each output is one chain of fused multiply-adds over the inputs in order. This order is the same
//! for any number of rows and threads and for every instruction set, so a row gives the same bits
//! in every case.

mod formats;
mod prefetch;

use crate::activations::{PackedActivations, Tile};
use crate::elementwise::silu;
use crate::format::{BLOCK, Format};
use crate::isa::{Isa, Kernel};
use crate::matrix::Matrix;
use crate::pool::Pool;
use crate::rows::{DisjointSlice, PANEL, RowMatrix, stride};
use crate::simd::{LANES, Line, Simd};
use bytemuck::Zeroable;
use formats::{
    DottedBf16, DottedInt8, F16, F32, Int8, Product, SplitBf16, SplitInt8, WideBf16, WideF16,
    Widened,
};
use prefetch::Prefetcher;
use std::ops::Range;

/// Operation applied to the outputs of a matrix product when they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epilogue {
    /// Overwrites the destination.
    Store,
    /// Adds to the destination.
    Add,
    /// SwiGLU (Shazeer 2020): panels alternate between gates and values, and silu(gate) · value
    /// overwrites the destination.
    SwiGlu,
}

/// Bytes of weights that make a piece of work worth its handing out.
const PIECE: usize = 64 << 10;

/// Rows for which a panel is widened once for all of them, instead of for each tile. Bf16 wants
/// registers for that, f16 only an instruction.
const WORTH_WIDENING_BF16: usize = 24;
const WORTH_WIDENING_F16: usize = 96;

/// Bytes of a panel that stay in the nearest cache while all tiles pass over them, at most.
const DEPTH: usize = 20 << 10;

/// Passes that each ask for a share of the next weights, at most: with more of them the first may do it, for reading takes
/// little of the time.
const SHARED: usize = 8;

/// Rows with which a pass has much to compute for each weight.
const MANY: usize = 8;

/// Multiplies `[outputs, inputs]` with each row, into rows of `[outputs]`. `scratch` is what each thread works in.
pub(crate) fn multiply(
    isa: Isa,
    pool: &mut Pool,
    scratch: &mut Vec<Line>,
    matrix: &Matrix,
    by: &PackedActivations,
    into: &mut RowMatrix,
    epilogue: Epilogue,
) {
    let columns = match epilogue {
        Epilogue::Store | Epilogue::Add => matrix.panels(),
        Epilogue::SwiGlu => matrix.panels() / 2,
    };
    let width = stride(into.width());
    let into = into.shared();
    // Several for each thread, so that none waits long for another, but none too small.
    let worth = matrix.panels() * matrix.panel_bytes() * by.rows().min(16) / PIECE;
    let pieces = worth.clamp(1, 8 * pool.threads()).min(columns);
    let tiles = by.tiles().count();
    let format = matrix.format();
    let widen = match format {
        Format::F32 | Format::Int8 => false,
        Format::F16 => by.rows() >= WORTH_WIDENING_F16,
        Format::Bf16 => by.rows() >= WORTH_WIDENING_BF16 && !isa.has_dot_product(format),
    };
    // A gate's panel and a value's.
    let widened = if widen {
        2 * PANEL * format.groups(matrix.shape().inputs) * format.group()
    } else {
        0
    };
    let room = widened + 2 * PANEL * by.rows();
    scratch.resize(pool.threads() * room / LANES, Line::zeroed());
    let scratch = DisjointSlice::new(bytemuck::cast_slice_mut(scratch));
    pool.run(pieces, &|thread, piece| {
        // SAFETY: every thread has a part of its own.
        let scratch: &mut [f32] = unsafe { scratch.part(thread * room..(thread + 1) * room) };
        let (widened, sums) = scratch.split_at_mut(widened);
        isa.run(Multiply {
            matrix,
            widened,
            sums,
            by,
            tiles,
            columns: columns * piece / pieces..columns * (piece + 1) / pieces,
            into: &into,
            width,
            epilogue,
        });
    });
}

struct Multiply<'a> {
    matrix: &'a Matrix,
    /// Room for two panels in f32, if they are to be widened.
    widened: &'a mut [f32],
    /// Room for the sums of two panels, `[rows, PANEL]` each.
    sums: &'a mut [f32],
    by: &'a PackedActivations,
    /// How many tiles those have.
    tiles: usize,
    /// Panels of outputs.
    columns: Range<usize>,
    into: &'a DisjointSlice<'a, f32>,
    /// Numbers in a row of `into`.
    width: usize,
    epilogue: Epilogue,
}

impl Kernel for Multiply<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match (self.matrix.format(), self.widened.is_empty()) {
            (Format::F32, _) => self.with::<S, F32>(simd),
            (Format::F16, true) => self.with::<S, F16>(simd),
            (Format::F16, false) => self.with_widened::<S, WideF16>(simd),
            (Format::Bf16, _) if S::DOTS_BF16 => self.with::<S, DottedBf16>(simd),
            (Format::Bf16, true) => self.with::<S, SplitBf16>(simd),
            (Format::Bf16, false) => self.with_widened::<S, WideBf16>(simd),
            (Format::Int8, _) if S::DOTS_I8 => self.with::<S, Int8<DottedInt8>>(simd),
            (Format::Int8, _) => self.with::<S, Int8<SplitInt8>>(simd),
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn with<S: Simd, P: Product>(mut self, simd: S) {
        for column in self.columns.clone() {
            let matrix = self.matrix;
            let panels = self.panels(column).map(|panel| matrix.panel(panel));
            self.column::<S, P>(simd, column, panels.map(bytemuck::cast_slice));
        }
    }

    /// 16 bits as f32, which they become anyway, but once for all rows.
    #[inline(always)]
    fn with_widened<S: Simd, W: Widened>(mut self, simd: S) {
        let widened = std::mem::take(&mut self.widened);
        let (first, second) = widened.split_at_mut(widened.len() / 2);
        for column in self.columns.clone() {
            let panels = self.panels(column);
            W::widen(simd, self.matrix.panel(panels[0]), first);
            if panels[1] != panels[0] {
                W::widen(simd, self.matrix.panel(panels[1]), second);
            }
            let panels = [&*first, &*second];
            self.column::<S, F32>(simd, column, panels.map(bytemuck::cast_slice));
        }
    }

    /// The panel of a column, and that of its values where it is one of gates.
    #[inline(always)]
    fn panels(&self, column: usize) -> [usize; 2] {
        match self.epilogue {
            Epilogue::Store | Epilogue::Add => [column; 2],
            Epilogue::SwiGlu => [2 * column, 2 * column + 1],
        }
    }

    #[inline(always)]
    fn column<S: Simd, P: Product>(&mut self, simd: S, column: usize, panels: [&[P::Group]; 2]) {
        let (first, second) = self.sums.split_at_mut(self.sums.len() / 2);
        accumulate::<S, P>(simd, self.by, self.tiles, panels[0], first);
        if self.epilogue == Epilogue::SwiGlu {
            accumulate::<S, P>(simd, self.by, self.tiles, panels[1], second);
        }
        self.write(simd, column);
    }

    /// Makes outputs of the sums of every row.
    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, column: usize) {
        let [scales, scales_of_values] = self.panels(column).map(|panel| self.matrix.scales(panel));
        let (sums, values) = self.sums.split_at(self.sums.len() / 2);
        for row in 0..self.by.rows() {
            let start = row * self.width + column * PANEL;
            // SAFETY: every column belongs to one piece of work.
            let into = unsafe { self.into.part(start..start + PANEL) };
            for (half, into) in into.as_chunks_mut().0.iter_mut().enumerate() {
                let out = self.sum(simd, sums, scales, row, half);
                let out = match self.epilogue {
                    Epilogue::Store => out,
                    Epilogue::Add => simd.add(simd.load(into), out),
                    Epilogue::SwiGlu => {
                        let value = self.sum(simd, values, scales_of_values, row, half);
                        simd.mul(silu(simd, out), value)
                    }
                };
                simd.store(out, into);
            }
        }
    }

    /// Half a row of sums, with the scales of their outputs.
    #[inline(always)]
    fn sum<S: Simd>(
        &self,
        simd: S,
        sums: &[f32],
        scales: &[f32; PANEL],
        row: usize,
        half: usize,
    ) -> S::F {
        let sum = simd.load(&sums.as_chunks().0[2 * row + half]);
        match self.matrix.format() {
            Format::Int8 => simd.mul(sum, simd.load(&scales.as_chunks().0[half])),
            Format::F32 | Format::F16 | Format::Bf16 => sum,
        }
    }
}

/// Multiplies a panel with every tile, into sums `[rows, PANEL]`.
///
/// What is read more than once is read in parts: one passes over all tiles before the next is read, so that it comes from
/// the nearest cache. Sums wait in memory meanwhile, which does not change a bit of them.
#[inline(always)]
fn accumulate<S: Simd, P: Product>(
    simd: S,
    by: &PackedActivations,
    tiles: usize,
    panel: &[P::Group],
    sums: &mut [f32],
) {
    let passes = tiles * S::halves(by.tile_rows());
    let depth = match passes {
        1 => panel.len(),
        // Parts of the same size, each a whole number of blocks.
        _ => {
            let parts = size_of_val(panel).div_ceil(DEPTH);
            panel.len().div_ceil(parts).next_multiple_of(BLOCK / 4)
        }
    };
    for (part, panel) in panel.chunks(depth).enumerate() {
        let groups = part * depth..part * depth + panel.len();
        let words = groups.start * P::WORDS..groups.end * P::WORDS;
        let mut pass = Pass {
            part,
            number: 0,
            all: passes,
        };
        for tile in by.tiles() {
            let place = tile.first_row * PANEL..(tile.first_row + tile.rows) * PANEL;
            let (tile, sums) = (tile.part(words.clone()), &mut sums[place]);
            match tile.rows {
                1 => of_tile::<S, P, 1>(simd, panel, &tile, pass, sums),
                2 => of_tile::<S, P, 2>(simd, panel, &tile, pass, sums),
                3 => of_tile::<S, P, 3>(simd, panel, &tile, pass, sums),
                4 => of_tile::<S, P, 4>(simd, panel, &tile, pass, sums),
                5 => of_tile::<S, P, 5>(simd, panel, &tile, pass, sums),
                6 => of_tile::<S, P, 6>(simd, panel, &tile, pass, sums),
                7 => of_tile::<S, P, 7>(simd, panel, &tile, pass, sums),
                8 => of_tile::<S, P, 8>(simd, panel, &tile, pass, sums),
                9 => of_tile::<S, P, 9>(simd, panel, &tile, pass, sums),
                10 => of_tile::<S, P, 10>(simd, panel, &tile, pass, sums),
                11 => of_tile::<S, P, 11>(simd, panel, &tile, pass, sums),
                _ => of_tile::<S, P, 12>(simd, panel, &tile, pass, sums),
            }
            pass.number += S::halves(tile.rows);
        }
    }
}

/// One of the passes over a part of a panel.
#[derive(Clone, Copy)]
struct Pass {
    part: usize,
    number: usize,
    all: usize,
}

/// Adds one part of a panel to the sums of a tile.
#[inline(always)]
fn of_tile<S: Simd, P: Product, const ROWS: usize>(
    simd: S,
    panel: &[P::Group],
    tile: &Tile<'_>,
    mut pass: Pass,
    into: &mut [f32],
) {
    // Tiles have at most so many rows; the rest need not be compiled.
    if ROWS > S::ROWS {
        return;
    }
    if S::halves(ROWS) == 2 {
        of_halves::<S, P, ROWS, 1>(simd, panel, 0, tile, pass, into);
        pass.number += 1;
        of_halves::<S, P, ROWS, 1>(simd, panel, 1, tile, pass, into);
    } else {
        of_halves::<S, P, ROWS, 2>(simd, panel, 0, tile, pass, into);
    }
}

/// The same for one half of the panel or both, in one pass.
#[inline(always)]
fn of_halves<S: Simd, P: Product, const ROWS: usize, const HALVES: usize>(
    simd: S,
    panel: &[P::Group],
    half: usize,
    tile: &Tile<'_>,
    pass: Pass,
    into: &mut [f32],
) {
    let into = into.as_chunks_mut().0.as_chunks_mut::<2>().0;
    let mut sums = [[simd.splat(0.0); HALVES]; ROWS];
    if pass.part > 0 {
        for (sums, from) in sums.iter_mut().zip(&*into) {
            for (sum, from) in sums.iter_mut().zip(&from[half..]) {
                *sum = simd.load(from);
            }
        }
    }
    let ahead = match (pass.all, pass.number) {
        (1, _) if ROWS < MANY => Prefetcher::NONE,
        (2..=SHARED, number) if P::SHARES => {
            Prefetcher::share(number, pass.all, size_of_val(panel))
        }
        (_, 0) => Prefetcher::ALL,
        _ => Prefetcher::NONE,
    };
    sums = P::add(simd, sums, panel, half, tile, ahead);
    for (sums, into) in sums.into_iter().zip(into) {
        for (sum, into) in sums.into_iter().zip(&mut into[half..]) {
            simd.store(sum, into);
        }
    }
}
