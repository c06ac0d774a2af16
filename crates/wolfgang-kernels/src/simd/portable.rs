//! Plain Rust: for processors without code of their own, and what the others are tested against.

use super::{LANES, Simd};
use half::f16;

/// Any processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(f)
}

/// The bf16 in the upper half of `bits`; without denormals.
#[inline(always)]
fn upper(bits: u32) -> f32 {
    let bits = bits & 0xffff_0000;
    f32::from_bits(if bits & 0x7f80_0000 == 0 { 0 } else { bits })
}

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    const ROWS: usize = 3;

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
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        each(|i| {
            let first = upper(weights[i]).mul_add(upper(x), sums[i]);
            upper(weights[i] << 16).mul_add(upper(x << 16), first)
        })
    }

    #[inline(always)]
    fn splat_i(self, x: i32) -> Self::I {
        [x; LANES]
    }

    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: [i8; 4]) -> Self::I {
        std::array::from_fn(|i| {
            let products = (0..4).map(|j| i32::from(weights[i][j]) * i32::from(x[j]));
            sums[i] + products.sum::<i32>()
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
