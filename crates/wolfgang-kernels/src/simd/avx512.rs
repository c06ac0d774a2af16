//! AVX-512, without and with its dot-product instructions for bf16 and int8.

use super::{LANES, Simd};
use std::arch::x86_64::*;

/// Evidence that the processor has AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

/// Evidence that the processor has AVX-512 F, BW, DQ, VL and VNNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Vnni(());

/// Evidence that the processor has AVX-512 F, BW, DQ, VL, BF16 and VNNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Dot(());

impl Avx512 {
    /// # Safety
    /// The processor must have AVX-512 F, BW, DQ and VL.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

impl Avx512Vnni {
    /// # Safety
    /// The processor must have AVX-512 F, BW, DQ, VL and VNNI.
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

/// The operations without dot-product instructions.
macro_rules! common {
    () => {
        type F = __m512;
        type I = __m512i;
        const ACCUMULATORS: usize = 16;
        const ROWS: usize = 12;
        const ROWS_I8: usize = 6;

        const PREFETCHES: bool = true;

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
        fn narrow(self, x: Self::F, to: &mut [u16; LANES]) {
            unsafe {
                let narrow =
                    _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
                _mm256_storeu_si256(to.as_mut_ptr().cast(), narrow);
            }
        }

        #[inline(always)]
        fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            unsafe {
                let pairs = _mm512_loadu_si512(pairs.as_ptr().cast());
                let mask = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
                _mm512_castsi512_ps(_mm512_and_si512(pairs, mask))
            }
        }

        #[inline(always)]
        fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            unsafe {
                let pairs = _mm512_loadu_si512(pairs.as_ptr().cast());
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs))
            }
        }

        #[inline(always)]
        fn splat_i(self, x: i32) -> Self::I {
            unsafe { _mm512_set1_epi32(x) }
        }

        #[inline(always)]
        fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            unsafe {
                let words = _mm512_loadu_si512(weights.as_ptr().cast());
                (
                    _mm512_and_si512(words, _mm512_set1_epi16(0xff)),
                    _mm512_srli_epi16::<8>(words),
                )
            }
        }

        #[inline(always)]
        fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
            unsafe {
                let x = _mm512_set1_epi32(x.cast_signed());
                _mm512_add_epi32(sums, _mm512_madd_epi16(weights, x))
            }
        }

        #[inline(always)]
        fn load_u8(self, from: &[[u8; 4]; LANES]) -> Self::I {
            unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
        }

        #[inline(always)]
        fn split_u4(self, packed: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            unsafe {
                let bytes = _mm512_loadu_si512(packed.as_ptr().cast());
                let mask = _mm512_set1_epi8(0x0f);
                let upper = _mm512_srli_epi16::<4>(bytes);
                (_mm512_and_si512(bytes, mask), _mm512_and_si512(upper, mask))
            }
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

/// The dot products of VNNI.
macro_rules! dots_i8 {
    () => {
        #[inline(always)]
        fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: u32) -> Self::I {
            // SAFETY: as for the whole implementation, and the processor has VNNI.
            unsafe {
                let weights = _mm512_loadu_si512(weights.as_ptr().cast());
                _mm512_dpbusd_epi32(sums, weights, _mm512_set1_epi32(x.cast_signed()))
            }
        }

        #[inline(always)]
        fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
            // SAFETY: as above.
            unsafe { _mm512_dpbusd_epi32(sums, weights, _mm512_set1_epi32(x.cast_signed())) }
        }
    };
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has AVX-512 (see `assume`), and every load and store \
              is of a whole array of a reference"
)]
impl Simd for Avx512 {
    common!();

    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        unsafe {
            // Pairs of products are at most 3810, so that 16 bits suffice.
            let pairs = _mm512_maddubs_epi16(weights, _mm512_set1_epi32(x.cast_signed()));
            _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        }
    }
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has AVX-512 (see `assume`), and every load and store \
              is of a whole array of a reference"
)]
impl Simd for Avx512Vnni {
    const DOTS_I8: bool = true;
    common!();
    dots_i8!();
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has AVX-512 (see `assume`), and every load and store \
              is of a whole array of a reference"
)]
impl Simd for Avx512Dot {
    const DOTS_BF16: bool = true;
    const DOTS_I8: bool = true;
    common!();

    #[inline(always)]
    fn dot_bf16(self, sums: Self::F, weights: &[u32; LANES], x: u32) -> Self::F {
        // SAFETY: as for the whole implementation, and the processor has BF16; both types of
        // `transmute` have 64 bytes and are valid for all bits.
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

    dots_i8!();
}
