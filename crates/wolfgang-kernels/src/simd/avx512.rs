//! AVX-512, alone and with its instructions for products of bf16 and of bytes.

use super::{LANES, Simd};
use std::arch::x86_64::*;

/// A processor with AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

/// A processor with AVX-512 BF16 and VNNI, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Dot(());

impl Avx512 {
    /// # Safety
    /// The processor must have AVX-512 F, BW, DQ and VL.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

impl Avx512Dot {
    /// # Safety
    /// The processor must have AVX-512 F, BW, DQ, VL, BF16 and VNNI.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

/// What both have in common.
macro_rules! common {
    () => {
        type F = __m512;
        type I = __m512i;
        const ROWS: usize = 12;

        #[inline(always)]
        fn prefetch(self, address: *const u8) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        }

        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            unsafe { _mm512_set1_ps(x) }
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::F {
            unsafe { _mm512_loadu_ps(from.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, x: Self::F, to: &mut [f32; LANES]) {
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), x) }
        }

        #[inline(always)]
        fn add(self, a: Self::F, b: Self::F) -> Self::F {
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        fn sub(self, a: Self::F, b: Self::F) -> Self::F {
            unsafe { _mm512_sub_ps(a, b) }
        }

        #[inline(always)]
        fn mul(self, a: Self::F, b: Self::F) -> Self::F {
            unsafe { _mm512_mul_ps(a, b) }
        }

        #[inline(always)]
        fn div(self, a: Self::F, b: Self::F) -> Self::F {
            unsafe { _mm512_div_ps(a, b) }
        }

        #[inline(always)]
        fn max(self, a: Self::F, b: Self::F) -> Self::F {
            unsafe { _mm512_max_ps(a, b) }
        }

        #[inline(always)]
        fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn round(self, x: Self::F) -> Self::F {
            unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x) }
        }

        #[inline(always)]
        fn exp2(self, n: Self::F) -> Self::F {
            unsafe {
                let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
            }
        }

        #[inline(always)]
        fn widen(self, from: &[u16; LANES]) -> Self::F {
            unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
        }

        #[inline(always)]
        fn splat_i(self, x: i32) -> Self::I {
            unsafe { _mm512_set1_epi32(x) }
        }

        #[inline(always)]
        fn to_i8(self, x: Self::F) -> [i8; LANES] {
            unsafe {
                let bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x));
                std::mem::transmute::<__m128i, [i8; LANES]>(bytes)
            }
        }

        #[inline(always)]
        fn to_f(self, x: Self::I) -> Self::F {
            unsafe { _mm512_cvtepi32_ps(x) }
        }
    };
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only where the processor has AVX-512 (`assume`), and every load and store is of a whole array behind a \
              reference"
)]
impl Simd for Avx512 {
    common!();

    #[inline(always)]
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        // SAFETY: as everywhere here.
        unsafe {
            let weights = _mm512_loadu_si512(weights.as_ptr().cast());
            let first = self.fma(upper(weights), upper(_mm512_set1_epi32(x as i32)), sums);
            let (weights, x) = (_mm512_slli_epi32::<16>(weights), (x << 16) as i32);
            self.fma(upper(weights), upper(_mm512_set1_epi32(x)), first)
        }
    }

    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: [i8; 4]) -> Self::I {
        // SAFETY: as everywhere here.
        unsafe {
            let weights = _mm512_loadu_si512(weights.as_ptr().cast());
            let x = _mm512_set1_epi32(i32::from_le_bytes(x.map(|x| x as u8)));
            // As 16-bit numbers: bytes 0 and 2 of each word, then 1 and 3.
            let even = _mm512_and_si512(weights, _mm512_set1_epi16(0xff));
            let odd = _mm512_srli_epi16::<8>(weights);
            let x_even = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(x));
            let x_odd = _mm512_srai_epi16::<8>(x);
            let sums = _mm512_add_epi32(sums, _mm512_madd_epi16(even, x_even));
            _mm512_add_epi32(sums, _mm512_madd_epi16(odd, x_odd))
        }
    }
}

/// The bf16 in the upper half of each word; without denormals.
///
/// # Safety
/// The processor must have AVX-512 F.
#[inline(always)]
unsafe fn upper(words: __m512i) -> __m512 {
    // SAFETY: as the caller promises.
    unsafe {
        let normal = _mm512_test_epi32_mask(words, _mm512_set1_epi32(0x7f80_0000));
        let upper = _mm512_and_si512(words, _mm512_set1_epi32(0xffff_0000u32 as i32));
        _mm512_castsi512_ps(_mm512_maskz_mov_epi32(normal, upper))
    }
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only where the processor has AVX-512 (`assume`), and every load and store is of a whole array behind a \
              reference"
)]
impl Simd for Avx512Dot {
    const DOTS_BF16: bool = true;
    common!();

    #[inline(always)]
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        // SAFETY: as everywhere here, and with BF16; the vectors are 64 bytes of whatever type.
        unsafe {
            let weights = _mm512_loadu_si512(weights.as_ptr().cast());
            let x = _mm512_set1_epi32(x as i32);
            _mm512_dpbf16_ps(
                sums,
                std::mem::transmute::<__m512i, __m512bh>(weights),
                std::mem::transmute::<__m512i, __m512bh>(x),
            )
        }
    }

    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: [i8; 4]) -> Self::I {
        // SAFETY: as everywhere here, and with VNNI.
        unsafe {
            let weights = _mm512_loadu_si512(weights.as_ptr().cast());
            let x = _mm512_set1_epi32(i32::from_le_bytes(x.map(|x| x as u8)));
            _mm512_dpbusd_epi32(sums, weights, x)
        }
    }
}
