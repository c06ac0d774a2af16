//! Vectors of 16 numbers, implemented for each instruction set.
//!
//! Every kernel is written once, over [`Simd`], with operations whose results IEEE 754 specifies.
//! It is compiled for each instruction set, and all of them give the same bits, except for
//! [`Simd::dot_bf16`].

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

use bytemuck::{Pod, Zeroable};

/// Number of elements of a vector.
pub(crate) const LANES: usize = 16;

/// Size of a cache line in bytes.
pub(crate) const CACHE_LINE: usize = 64;

/// A vector in memory: 16 f32, aligned to a cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Vec16(pub(crate) [f32; LANES]);

/// The vector operations of an instruction set. A value of an implementing type exists only if the
/// processor has the instructions.
pub(crate) trait Simd: Copy {
    /// 16 × f32.
    type F: Copy;
    /// 16 × i32.
    type I: Copy;
    /// Number of accumulators of attention that fit into registers.
    const ACCUMULATORS: usize;
    /// Maximum number of rows of a tile, so that the sums of a product fit into registers.
    const ROWS: usize;
    /// As [`ROWS`](Self::ROWS) for bf16, whose weights can need more registers.
    const ROWS_BF16: usize = Self::ROWS;
    /// As [`ROWS`](Self::ROWS) for int8, which needs integer sums of a block as well.
    const ROWS_I8: usize;
    /// Maximum number of rows for which the sums of a whole panel, two vectors per row, fit into
    /// registers. With more rows, each half of the panel is a separate pass.
    const ROWS_FULL_PANEL: usize = Self::ROWS;
    /// Number of passes in which a tile is multiplied with a panel.
    #[inline(always)]
    fn passes(rows: usize) -> usize {
        if rows > Self::ROWS_FULL_PANEL { 2 } else { 1 }
    }

    /// Whether there is an instruction for [`Self::dot_bf16`].
    const DOTS_BF16: bool = false;

    /// Whether there is an instruction for [`Self::dot_i8`].
    const DOTS_I8: bool = false;

    /// Whether [`Self::dot_i8`] subtracts 128, the offset of packed weights, from each weight.
    const SUBTRACTS_I8_OFFSET: bool = false;

    /// Whether [`Self::prefetch`] has an effect.
    const PREFETCHES: bool = false;

    /// Prefetches the cache line at an address, which need not be valid.
    #[inline(always)]
    fn prefetch(self, _address: *const u8) {}

    fn splat(self, x: f32) -> Self::F;
    fn load(self, from: &[f32; LANES]) -> Self::F;
    fn store(self, x: Self::F, to: &mut [f32; LANES]);
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// Maximum by lane; if one of the two is NaN, either.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b + c, rounded once.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Rounds to the nearest integer, ties to even.
    fn round(self, x: Self::F) -> Self::F;
    /// 2ⁿ for integers n from -126 to 127.
    fn exp2(self, n: Self::F) -> Self::F;
    /// Converts 16 f16 to f32.
    fn widen(self, from: &[u16; LANES]) -> Self::F;
    /// Converts to f16: to the nearest, ties to even.
    fn narrow(self, x: Self::F, to: &mut [u16; LANES]);
    /// Converts the upper bf16 of each word to f32.
    fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F;
    /// Converts the lower bf16 of each word to f32.
    fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F;
    /// Adds two products to each lane: that of the upper bf16 of each word, then that of the lower,
    /// with one rounding each.
    ///
    /// The instruction flushes subnormal operands and results to 0. Operands are never subnormal,
    /// see [`bf16_bits`](crate::quantisation::bf16_bits). Sums below 2⁻¹²⁶ can differ from those of
    /// other instruction sets, where the flush would cost an instruction per product.
    #[inline(always)]
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        let [upper, lower] = [x & 0xffff_0000, x << 16].map(f32::from_bits);
        let first = self.fma(self.upper_bf16(weights), self.splat(upper), sums);
        self.fma(self.lower_bf16(weights), self.splat(lower), first)
    }

    fn splat_i(self, x: i32) -> Self::I;
    /// Zero-extends u8 to 16-bit integers: the even bytes of each four, and the odd ones.
    fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I);
    /// Adds two products to each lane: those of its 16-bit integers with the two in `x`.
    fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I;
    /// Adds four products to each lane: those of its u8 weights with the i8 in `x`. See
    /// [`Self::SUBTRACTS_I8_OFFSET`].
    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: u32) -> Self::I {
        let (even, odd) = self.split_i8(weights);
        let [x_even, x_odd] = split_i8_word(x);
        self.dot_i16(self.dot_i16(sums, even, x_even), odd, x_odd)
    }
    /// Loads four u8 per lane.
    fn load_u8(self, from: &[[u8; 4]; LANES]) -> Self::I;
    /// Loads the lower and the upper four bits of each byte, as u8.
    fn split_u4(self, packed: &[[u8; 4]; LANES]) -> (Self::I, Self::I);
    /// Adds four products to each lane: those of its u8, which are at most 15, with the i8 in `x`.
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I;
    /// Converts to i8. Each element must be an integer from -128 to 127.
    fn to_i8(self, x: Self::F) -> [i8; LANES];
    /// Converts to the nearest f32.
    fn to_f(self, x: Self::I) -> Self::F;
}

/// Sign-extends the four i8 of a word to 16-bit integers, the even and the odd ones, matching
/// [`Simd::split_i8`].
#[inline(always)]
pub(crate) fn split_i8_word(word: u32) -> [u32; 2] {
    let [a, b, c, d] = word
        .to_le_bytes()
        .map(|byte| i16::from(byte.cast_signed()).cast_unsigned());
    [[a, c], [b, d]].map(|[low, high]| u32::from(low) | u32::from(high) << 16)
}
