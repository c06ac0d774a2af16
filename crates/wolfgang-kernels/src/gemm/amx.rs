//! int8 products with AMX, the matrix unit of Intel processors.
//!
//! A quantisation block of 64 inputs is the whole depth of a tile, and its sums are integers: one
//! instruction computes the sums of a block for up to 16 rows and 16 outputs. They are scaled and
//! added as by the other kernels, so the bits are the same.
//!
//! Stable Rust has no functions for these instructions (Intel 64 and IA-32 Architectures Software
//! Developer's Manual, volume 2), so they are written in assembly.

use crate::activations::Tile;
use crate::format::{BLOCK, PANEL};
use crate::simd::LANES;
use crate::simd::amx::{Amx, MAX_ROWS};
use std::arch::asm;
use std::arch::x86_64::{
    _mm512_cvtepi32_ps, _mm512_fmadd_ps, _mm512_load_si512, _mm512_loadu_ps, _mm512_set1_ps,
    _mm512_storeu_ps,
};

/// The weights of a panel for four inputs.
pub(super) type Group = [[[u8; 4]; LANES]; 2];

/// The weights of a panel for the inputs of a quantisation block.
type Block = [[u32; PANEL]; GROUPS];

/// Weights of a block of K without the offset of packed weights, which would have to be compensated
/// in every sum.
pub(super) struct SignedWeights<'a>(&'a [Block]);

impl<'a> SignedWeights<'a> {
    /// Converts into a buffer of the same length.
    #[inline(always)]
    pub(super) fn convert(panel: &[Group], into: &'a mut [Block]) -> Self {
        // The offset is 128, the sign bit of a byte.
        const SIGNS: u32 = 0x8080_8080;
        let packed: &[u32] = bytemuck::cast_slice(panel);
        let words = into.as_flattened_mut().as_flattened_mut();
        for (word, packed) in words.iter_mut().zip(packed) {
            *word = packed ^ SIGNS;
        }
        Self(into)
    }

    fn blocks(&self) -> &[Block] {
        self.0
    }
}

/// Number of groups in a quantisation block.
const GROUPS: usize = BLOCK / size_of::<[u8; 4]>();

/// Integer sums of a block, `[rows, PANEL]`.
#[repr(C, align(64))]
struct BlockSums([[i32; PANEL]; MAX_ROWS]);

/// The operand of `ldtilecfg`.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// The tile registers of this thread, with the shapes of one kind of tile. They are released when
/// this is dropped: then the system need not save them.
pub(super) struct Tiles {
    amx: Amx,
    /// Number of rows of activations; 0 before the first configuration.
    rows: usize,
}

impl Tiles {
    pub(super) fn new(amx: Amx) -> Self {
        Self { amx, rows: 0 }
    }

    fn configure(&mut self, rows: usize) {
        if rows == self.rows {
            return;
        }
        self.rows = rows;
        let mut config = TileConfig {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        // Two pairs of sums of both halves of a panel, activations, weights of both halves.
        let shapes = [rows, rows, rows, rows, rows, GROUPS, GROUPS];
        for (tile, rows) in shapes.into_iter().enumerate() {
            config.row_bytes[tile] = 64;
            config.rows[tile] = rows as u8;
        }
        // SAFETY: the processor has AMX. The operand has 64 bytes: a palette that exists, and
        // shapes within its limits.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly)) }
    }

    /// Multiplies weights with a tile of activations whose words are `[blocks, rows, 16]`, and adds to
    /// sums `[rows, PANEL]`.
    pub(super) fn accumulate(
        &mut self,
        weights: &SignedWeights<'_>,
        tile: &Tile<'_>,
        sums: &mut [f32],
    ) {
        self.configure(tile.rows);
        // SAFETY: a value of `Amx` exists only if the processor has AVX-512 F and AMX.
        unsafe { accumulate(self.amx, weights.blocks(), tile, sums) }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the processor has AMX.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _,
                options(nostack, nomem)
            );
        }
    }
}

/// See [`Tiles::accumulate`]. The tile registers are configured for the rows of the tile.
#[target_feature(enable = "avx512f")]
fn accumulate(amx: Amx, weights: &[Block], tile: &Tile<'_>, sums: &mut [f32]) {
    let rows = tile.rows;
    let sums = &mut sums.as_chunks_mut::<PANEL>().0[..rows];
    let mut blocks = weights.iter().zip(tile.words.chunks_exact(rows * LANES));
    let mut scales = tile.scales.chunks_exact(rows);
    let mut block_sums = BlockSums([[0; PANEL]; MAX_ROWS]);
    let mut add_block = |block_sums: &BlockSums| {
        for ((sums, block), scale) in sums
            .iter_mut()
            .zip(&block_sums.0)
            .zip(scales.next().unwrap_or_default())
        {
            let scale = _mm512_set1_ps(*scale);
            let halves = sums.as_chunks_mut::<LANES>().0.iter_mut();
            for (sums, block) in halves.zip(block.as_chunks::<LANES>().0) {
                // SAFETY: loads and store are of whole arrays, and `BlockSums` is aligned.
                unsafe {
                    let block = _mm512_cvtepi32_ps(_mm512_load_si512(block.as_ptr().cast()));
                    let sum = _mm512_fmadd_ps(block, scale, _mm512_loadu_ps(sums.as_ptr()));
                    _mm512_storeu_ps(sums.as_mut_ptr(), sum);
                }
            }
        }
    };
    // The sums of a block are stored after the instructions of the next one, for which they would
    // have to wait, and alternate between two pairs of registers.
    let Some((first, x)) = blocks.next() else {
        return;
    };
    // SAFETY: here and below, the tiles are configured for `rows` rows, at most 16, and `x` has as
    // many rows of 64 bytes.
    unsafe { multiply_even(amx, x.as_ptr(), first, &mut block_sums) };
    let mut is_even = false;
    for (weights, x) in blocks {
        // SAFETY: as above.
        unsafe {
            match is_even {
                true => multiply_even(amx, x.as_ptr(), weights, &mut block_sums),
                false => multiply_odd(amx, x.as_ptr(), weights, &mut block_sums),
            }
        }
        is_even = !is_even;
        add_block(&block_sums);
    }
    // SAFETY: as above.
    unsafe {
        match is_even {
            true => store_odd(amx, &mut block_sums),
            false => store_even(amx, &mut block_sums),
        }
    }
    add_block(&block_sums);
}

/// Defines a function that computes the sums of products of a block in one pair of tile registers,
/// and stores the other pair, that of the previous block, and one that stores the first pair.
macro_rules! block_functions {
    ($multiply:ident, $store:ident, $sums:literal, $half:literal, $other:literal, $other_half:literal) => {
        /// # Safety
        /// The tile registers must be configured for a number of rows, at most 16, and `x` must
        /// point to as many rows of 64 bytes.
        #[inline(always)]
        unsafe fn $multiply(_: Amx, x: *const u32, weights: &Block, previous: &mut BlockSums) {
            // SAFETY: as required of the caller; the strides are those of the arrays.
            unsafe {
                asm!(
                    "tileloadd tmm4, [{x} + {row}]",
                    concat!("tilezero ", $sums),
                    "tileloadd tmm5, [{weights} + {panel}]",
                    concat!("tdpbssd ", $sums, ", tmm4, tmm5"),
                    concat!("tilezero ", $half),
                    "tileloadd tmm6, [{weights} + {panel} + 64]",
                    concat!("tdpbssd ", $half, ", tmm4, tmm6"),
                    concat!("tilestored [{previous} + {panel}], ", $other),
                    concat!("tilestored [{previous} + {panel} + 64], ", $other_half),
                    x = in(reg) x,
                    weights = in(reg) weights.as_ptr(),
                    previous = in(reg) previous.0.as_mut_ptr(),
                    row = in(reg) 64_usize,
                    panel = in(reg) 128_usize,
                    options(nostack)
                );
            }
        }

        /// # Safety
        /// The tile registers must be configured for a number of rows, at most 16.
        #[inline(always)]
        unsafe fn $store(_: Amx, into: &mut BlockSums) {
            // SAFETY: as required of the caller; the stride is that of the array.
            unsafe {
                asm!(
                    concat!("tilestored [{into} + {panel}], ", $sums),
                    concat!("tilestored [{into} + {panel} + 64], ", $half),
                    into = in(reg) into.0.as_mut_ptr(),
                    panel = in(reg) 128_usize,
                    options(nostack)
                );
            }
        }
    };
}

block_functions!(multiply_even, store_even, "tmm0", "tmm1", "tmm2", "tmm3");
block_functions!(multiply_odd, store_odd, "tmm2", "tmm3", "tmm0", "tmm1");
