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
    /// Rows of a product for which there are registers: each takes two vectors.
    const ROWS: usize;
    /// Whether there is an instruction for [`Self::dot_bf16`].
    const DOTS_BF16: bool = false;

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
    /// Two products for each lane, of the upper bf16 in each word first, each added with one rounding. Numbers below
    /// 2⁻¹²⁶ count as 0, as in the instruction for this; that one makes such sums 0, too, which would cost the others an
    /// instruction for each product.
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F;

    fn splat_i(self, x: i32) -> Self::I;
    /// Four products for each lane, of u8 weights with the i8 in x.
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: [i8; 4]) -> Self::I;
    /// Each number, which must be whole and lie between -128 and 127.
    fn to_i8(self, x: Self::F) -> [i8; LANES];
    /// The nearest f32 to each number.
    fn to_f(self, x: Self::I) -> Self::F;
}
