//! Matrix product (GEMM), the kernel in which almost all time is spent.
//!
//! Each output is one chain of fused multiply-adds over the inputs in order; in int8, over blocks
//! of 64 inputs, and in int4, over groups of 32, whose sums of integers are exact. This order is
//! the same for any number of rows and threads and for every instruction set, so a row gives the
//! same bits in every case.
//!
//! In the terms of GEMM, M is the rows of activations, N the outputs and K the inputs. Threads
//! share the panels of N. A panel is multiplied with tiles of M, in blocks of K that stay in the
//! L1 cache. The innermost loop is a [`MicroKernel`].

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod amx;
mod int4;
mod micro_kernels;
mod passes;
mod prefetch;

use crate::activations::PackedActivations;
use crate::disjoint_slice::DisjointSlice;
use crate::elementwise::silu;
use crate::format::{BLOCK, Format, PANEL};
use crate::isa::{Isa, Kernel};
use crate::matrix::Matrix;
use crate::pool::Pool;
use crate::rows::{RowMatrix, stride};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::simd::amx::Amx;
use crate::simd::{LANES, Simd, Vec16};
use bytemuck::Zeroable;
use int4::{Int4, MAX_PACKED_ROWS, UNPACKED_LEN, UnpackInt4};
use micro_kernels::{
    DotBf16, DotInt8, F16, F32, Int8, MicroKernel, SplitBf16, SplitInt8, WidenBf16, WidenF16,
    WidenPanel,
};
use passes::accumulate_panel;
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

/// Minimum work of a piece, in bytes of weights times rows (16 rows at most).
const MIN_PIECE_BYTES: usize = 64 << 10;

/// Number of rows from which a panel is widened to f32 once for all tiles, instead of in each tile.
/// In a tile, widening bf16 takes registers; widening f16 takes one instruction.
const MIN_ROWS_TO_WIDEN_BF16: usize = 24;
const MIN_ROWS_TO_WIDEN_F16: usize = 96;

/// Multiplies a matrix `[outputs, inputs]` with each row of `activations`, into rows of
/// `[outputs]`. `scratch` is a buffer for all threads.
pub(crate) fn multiply(
    isa: Isa,
    pool: &mut Pool,
    scratch: &mut Vec<Vec16>,
    matrix: &Matrix,
    activations: &PackedActivations,
    out: &mut RowMatrix,
    epilogue: Epilogue,
) {
    let out_panels = match epilogue {
        Epilogue::Store | Epilogue::Add => matrix.panels(),
        Epilogue::SwiGlu => matrix.panels() / 2,
    };
    let out_stride = stride(out.width());
    let out = out.shared();
    // Several pieces per thread, so that threads finish at about the same time.
    let work = matrix.panels() * matrix.panel_bytes() * activations.rows().min(16);
    let pieces = (work / MIN_PIECE_BYTES)
        .clamp(1, 8 * pool.threads())
        .min(out_panels);
    let tiles = activations.tiles().count();
    let format = matrix.format();
    let widen = match format {
        Format::F32 | Format::Int8 => false,
        Format::F16 => activations.rows() >= MIN_ROWS_TO_WIDEN_F16,
        Format::Int4 => activations.rows() > MAX_PACKED_ROWS,
        Format::Bf16 => {
            activations.rows() >= MIN_ROWS_TO_WIDEN_BF16 && !isa.has_dot_product(format)
        }
    };
    // Two panels, because SwiGLU needs one of gates and one of values.
    let weights = format.groups(matrix.shape().inputs) * format.group();
    let widened = match (widen, format) {
        (false, _) if isa.has_tile_registers(format, activations.rows()) => {
            matrix.panel_bytes() / size_of::<f32>()
        }
        (false, _) => 0,
        (true, Format::Int4) => 2 * UNPACKED_LEN * (weights / BLOCK),
        (true, _) => 2 * PANEL * weights,
    };
    let per_thread = widened + 2 * PANEL * activations.rows();
    scratch.resize(pool.threads() * per_thread / LANES, Vec16::zeroed());
    let scratch = DisjointSlice::new(bytemuck::cast_slice_mut(scratch));
    pool.run(pieces, &|thread, piece| {
        // SAFETY: every thread has its own part, and runs one piece at a time.
        let scratch: &mut [f32] =
            unsafe { scratch.part(thread * per_thread..(thread + 1) * per_thread) };
        let (widened, sums) = scratch.split_at_mut(widened);
        isa.run(Gemm {
            isa,
            matrix,
            widened,
            sums,
            activations,
            tiles,
            out_panels: out_panels * piece / pieces..out_panels * (piece + 1) / pieces,
            out: &out,
            out_stride,
            epilogue,
        });
    });
}

/// One piece: some panels of outputs for all rows.
struct Gemm<'a> {
    #[cfg_attr(
        not(all(target_arch = "x86_64", not(miri))),
        expect(dead_code, reason = "only x86-64 has tile registers")
    )]
    isa: Isa,
    matrix: &'a Matrix,
    /// Buffer for two converted panels, or for one without offsets; empty if panels are used as
    /// packed.
    widened: &'a mut [f32],
    /// Buffer for the sums of two panels, `[rows, PANEL]` each.
    sums: &'a mut [f32],
    activations: &'a PackedActivations,
    /// Number of tiles of the activations.
    tiles: usize,
    /// The panels of outputs. With SwiGLU each corresponds to two panels of the matrix.
    out_panels: Range<usize>,
    out: &'a DisjointSlice<'a, f32>,
    /// Distance of two rows of `out`.
    out_stride: usize,
    epilogue: Epilogue,
}

impl Kernel for Gemm<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if let Some(amx) = self.isa.amx(self.matrix.format(), self.activations.rows()) {
            return self.run_amx(simd, amx);
        }
        match (self.matrix.format(), self.widened.is_empty()) {
            (Format::F32, _) => self.run_packed::<S, F32>(simd),
            (Format::F16, true) => self.run_packed::<S, F16>(simd),
            (Format::F16, false) => self.run_widened::<S, WidenF16>(simd),
            (Format::Bf16, _) if S::DOTS_BF16 => self.run_packed::<S, DotBf16>(simd),
            (Format::Bf16, true) => self.run_packed::<S, SplitBf16>(simd),
            (Format::Bf16, false) => self.run_widened::<S, WidenBf16>(simd),
            (Format::Int8, _) if S::DOTS_I8 => self.run_packed::<S, Int8<DotInt8>>(simd),
            (Format::Int8, _) => self.run_packed::<S, Int8<SplitInt8>>(simd),
            (Format::Int4, true) => self.run_packed::<S, Int4>(simd),
            (Format::Int4, false) => self.run_widened::<S, UnpackInt4>(simd),
        }
    }
}

impl Gemm<'_> {
    /// Multiplies panels as they are packed.
    #[inline(always)]
    fn run_packed<S: Simd, K: MicroKernel>(mut self, simd: S) {
        for out_panel in self.out_panels.clone() {
            let matrix = self.matrix;
            let panels = self.panels(out_panel).map(|panel| matrix.panel(panel));
            self.run_panel::<S, K>(simd, out_panel, panels.map(bytemuck::cast_slice));
        }
    }

    /// Multiplies panels of int8 with the tile registers.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    fn run_amx<S: Simd>(mut self, simd: S, amx: Amx) {
        let mut tiles = amx::Tiles::new(amx);
        let weights: &mut [_] = bytemuck::cast_slice_mut(std::mem::take(&mut self.widened));
        for out_panel in self.out_panels.clone() {
            let [first, second] = self.panels(out_panel);
            let (sums, value_sums) = self.sums.split_at_mut(self.sums.len() / 2);
            let panels = [(first, sums), (second, value_sums)];
            for (panel, sums) in panels.into_iter().take(if first == second { 1 } else { 2 }) {
                sums.fill(0.0);
                let panel: &[amx::Group] = bytemuck::cast_slice(self.matrix.panel(panel));
                for (k_block, groups) in passes::k_blocks(panel, self.tiles, BLOCK / 4) {
                    let weights = &mut weights[..groups.len() / (BLOCK / 4)];
                    let weights = amx::SignedWeights::convert(groups, weights);
                    for tile in self.activations.tiles() {
                        let range = tile.first_row * PANEL..(tile.first_row + tile.rows) * PANEL;
                        tiles.accumulate(
                            &weights,
                            &tile.k_block(k_block.clone()),
                            &mut sums[range],
                        );
                    }
                }
            }
            self.store(simd, out_panel);
        }
    }

    /// Converts each panel once, then multiplies it.
    #[inline(always)]
    fn run_widened<S: Simd, W: WidenPanel>(mut self, simd: S) {
        let widened = std::mem::take(&mut self.widened);
        let (first, second) = widened.split_at_mut(widened.len() / 2);
        for out_panel in self.out_panels.clone() {
            let panels = self.panels(out_panel);
            W::widen(simd, self.matrix.panel(panels[0]), first);
            if panels[1] != panels[0] {
                W::widen(simd, self.matrix.panel(panels[1]), second);
            }
            let panels = [&*first, &*second];
            self.run_panel::<S, W::Kernel>(simd, out_panel, panels.map(bytemuck::cast_slice));
        }
    }

    /// The panels of the matrix for a panel of outputs: with SwiGLU the gates and the values,
    /// otherwise twice the same.
    #[inline(always)]
    fn panels(&self, out_panel: usize) -> [usize; 2] {
        match self.epilogue {
            Epilogue::Store | Epilogue::Add => [out_panel; 2],
            Epilogue::SwiGlu => [2 * out_panel, 2 * out_panel + 1],
        }
    }

    #[inline(always)]
    fn run_panel<S: Simd, K: MicroKernel>(
        &mut self,
        simd: S,
        out_panel: usize,
        panels: [&[K::Group]; 2],
    ) {
        let (first, second) = self.sums.split_at_mut(self.sums.len() / 2);
        accumulate_panel::<S, K>(simd, self.activations, self.tiles, panels[0], first);
        if self.epilogue == Epilogue::SwiGlu {
            accumulate_panel::<S, K>(simd, self.activations, self.tiles, panels[1], second);
        }
        self.store(simd, out_panel);
    }

    /// Applies scales and epilogue to the sums of all rows, and stores the outputs.
    #[inline(always)]
    fn store<S: Simd>(&self, simd: S, out_panel: usize) {
        let [scales, value_scales] = self
            .panels(out_panel)
            .map(|panel| self.matrix.scales(panel));
        let (sums, values) = self.sums.split_at(self.sums.len() / 2);
        for row in 0..self.activations.rows() {
            let start = row * self.out_stride + out_panel * PANEL;
            // SAFETY: every panel of outputs belongs to one piece.
            let out = unsafe { self.out.part(start..start + PANEL) };
            for (half, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                let sum = self.scaled_sum(simd, sums, scales, row, half);
                let result = match self.epilogue {
                    Epilogue::Store => sum,
                    Epilogue::Add => simd.add(simd.load(out), sum),
                    Epilogue::SwiGlu => {
                        let value = self.scaled_sum(simd, values, value_scales, row, half);
                        simd.mul(silu(simd, sum), value)
                    }
                };
                simd.store(result, out);
            }
        }
    }

    /// Half a row of sums, times the scales of their outputs.
    #[inline(always)]
    fn scaled_sum<S: Simd>(
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
            Format::F32 | Format::F16 | Format::Bf16 | Format::Int4 => sum,
        }
    }
}
