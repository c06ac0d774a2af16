//! Portable Rust: for all other processors, and the reference in tests of the instruction sets.

use super::{LANES, Simd};
use half::f16;

/// Any processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(f)
}

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    const ACCUMULATORS: usize = 4;
    const ROWS: usize = 3;
    const ROWS_I8: usize = 2;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        *from
    }

    #[inline(always)]
    fn store(self, x: Self::F, to: &mut [f32; LANES]) {
        *to = x;
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        each(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        each(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn round(self, x: Self::F) -> Self::F {
        each(|i| x[i].round_ties_even())
    }

    #[inline(always)]
    fn exp2(self, n: Self::F) -> Self::F {
        each(|i| f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn widen(self, from: &[u16; LANES]) -> Self::F {
        each(|i| f16::from_bits(from[i]).to_f32())
    }

    #[inline(always)]
    fn narrow(self, x: Self::F, to: &mut [u16; LANES]) {
        *to = x.map(|x| f16::from_f32(x).to_bits());
    }

    #[inline(always)]
    fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F {
        each(|i| f32::from_bits(pairs[i] & 0xffff_0000))
    }

    #[inline(always)]
    fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F {
        each(|i| f32::from_bits(pairs[i] << 16))
    }

    #[inline(always)]
    fn splat_i(self, x: i32) -> Self::I {
        [x; LANES]
    }

    #[inline(always)]
    fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
        let pair = |low: u8, high: u8| i32::from(low) | i32::from(high) << 16;
        (
            weights.map(|[low, _, high, _]| pair(low, high)),
            weights.map(|[_, low, _, high]| pair(low, high)),
        )
    }

    #[inline(always)]
    fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        // The integers in the lower and in the upper half.
        let halves = |word: i32| [i32::from(word as i16), word >> 16];
        let [x_low, x_high] = halves(x.cast_signed());
        std::array::from_fn(|i| {
            let [low, high] = halves(weights[i]);
            sums[i] + low * x_low + high * x_high
        })
    }

    #[inline(always)]
    fn load_u8(self, from: &[[u8; 4]; LANES]) -> Self::I {
        from.map(i32::from_le_bytes)
    }

    #[inline(always)]
    fn split_u4(self, packed: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
        let words = self.load_u8(packed);
        let upper = |word: i32| word >> 4 & 0x0f0f_0f0f;
        (words.map(|word| word & 0x0f0f_0f0f), words.map(upper))
    }

    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        let x = x.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
        std::array::from_fn(|i| {
            let products = weights[i].to_le_bytes().into_iter().zip(x);
            products.fold(sums[i], |sum, (w, x)| sum + i32::from(w) * x)
        })
    }

    #[inline(always)]
    fn to_i8(self, x: Self::F) -> [i8; LANES] {
        std::array::from_fn(|i| x[i] as i8)
    }

    #[inline(always)]
    fn to_f(self, x: Self::I) -> Self::F {
        each(|i| x[i] as f32)
    }
}
