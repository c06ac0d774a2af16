//! Sixteen numbers at a time, by each instruction set that there is code for.
//!
//! Every kernel is written once, over [`Simd`], from operations whose result IEEE 754 determines. It is then compiled
//! for each instruction set, and all of them give the same bits, but for what [`Simd::dot_bf16`] says.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

use bytemuck::{Pod, Zeroable};

/// Numbers in a vector.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers that fill one cache line, and begin with it.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [f32; LANES]);

/// What an instruction set does. A value of such a type exists only where the processor has the instructions.
pub(crate) trait Simd: Copy {
    /// 16 × f32.
    type F: Copy;
    /// 16 × i32.
    type I: Copy;
    /// Sums of attention for which there are registers.
    const ACCUMULATORS: usize;
    /// Rows of a product for which there are registers.
    const ROWS: usize;
    /// The same for bf16, whose weights may need more.
    const ROWS_BF16: usize = Self::ROWS;
    /// The same for whole numbers, of which there are sums for a block besides.
    const ROWS_I8: usize;
    /// Rows for which there are registers with both vectors of a panel. With more, each vector
    /// passes alone.
    const ROWS_OF_BOTH: usize = Self::ROWS;
    /// In how many passes so many rows are multiplied with a panel.
    #[inline(always)]
    fn halves(rows: usize) -> usize {
        if rows > Self::ROWS_OF_BOTH { 2 } else { 1 }
    }

    /// Whether there is an instruction for [`Self::dot_bf16`].
    const DOTS_BF16: bool = false;

    /// Whether there is an instruction for [`Self::dot_i8`].
    const DOTS_I8: bool = false;

    /// Asks for the cache line at an address, which need not be one of ours.
    #[inline(always)]
    fn prefetch(self, _address: *const u8) {}

    fn splat(self, x: f32) -> Self::F;
    fn load(self, from: &[f32; LANES]) -> Self::F;
    fn store(self, x: Self::F, to: &mut [f32; LANES]);
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger of each two numbers; where one is NaN, either.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b + c, rounded once.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The nearest whole number, of two the even one.
    fn round(self, x: Self::F) -> Self::F;
    /// 2ⁿ for whole n from -126 to 127.
    fn exp2(self, n: Self::F) -> Self::F;
    /// 16 × f16 as f32.
    fn widen(self, from: &[u16; LANES]) -> Self::F;
    /// The upper bf16 in each word as f32.
    fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F;
    /// The lower bf16 in each word as f32.
    fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F;
    /// Two products for each lane, of the upper bf16 in each word first, each added with one rounding. The instruction
    /// for this takes numbers below 2⁻¹²⁶ for 0, which are none among weights and inputs; it makes such sums 0, too, which
    /// would cost the others an instruction for each product.
    #[inline(always)]
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        let [upper, lower] = [x & 0xffff_0000, x << 16].map(f32::from_bits);
        let first = self.fma(self.upper_bf16(weights), self.splat(upper), sums);
        self.fma(self.lower_bf16(weights), self.splat(lower), first)
    }

    fn splat_i(self, x: i32) -> Self::I;
    /// Bytes as numbers of 16 bits: the first and third of each four, and the second and fourth.
    fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I);
    /// Two products for each lane, of numbers of 16 bits with the two in x.
    fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I;
    /// Four products for each lane, of u8 weights with the i8 in x.
    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: u32) -> Self::I {
        let (even, odd) = self.split_i8(weights);
        let [x_even, x_odd] = split_x(x);
        self.dot_i16(self.dot_i16(sums, even, x_even), odd, x_odd)
    }
    /// Each number, which must be whole and lie between -128 and 127.
    fn to_i8(self, x: Self::F) -> [i8; LANES];
    /// The nearest f32 to each number.
    fn to_f(self, x: Self::I) -> Self::F;
}

/// The four i8 in a word as numbers of 16 bits, as [`Simd::split_i8`] splits weights.
#[inline(always)]
pub(crate) fn split_x(word: u32) -> [u32; 2] {
    let [a, b, c, d] = word
        .to_le_bytes()
        .map(|byte| i16::from(byte.cast_signed()).cast_unsigned());
    [[a, c], [b, d]].map(|[low, high]| u32::from(low) | u32::from(high) << 16)
}
