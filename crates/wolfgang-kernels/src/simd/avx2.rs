//! AVX2 with FMA and F16C, without and with the dot-product instruction for int8.

use super::{LANES, Simd};
use std::arch::x86_64::*;

/// Evidence that the processor has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

/// Evidence that the processor has AVX2, FMA, F16C and AVX-VNNI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Vnni(());

impl Avx2 {
    /// # Safety
    /// The processor must have AVX2, FMA and F16C.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

impl Avx2Vnni {
    /// # Safety
    /// The processor must have AVX2, FMA, F16C and AVX-VNNI.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

/// Evaluates an expression for both halves of a vector. Not a function with a closure: the closure
/// would be compiled without these instructions.
macro_rules! halves {
    (|$i:ident| $value:expr) => {
        [
            {
                let $i = 0;
                $value
            },
            {
                let $i = 1;
                $value
            },
        ]
    };
}

/// The operations without dot-product instruction.
macro_rules! common {
    () => {
        type F = [__m256; 2];
        type I = [__m256i; 2];
        const ACCUMULATORS: usize = 4;
        // 12 of the 16 registers hold sums, the others weights and activations.
        const ROWS: usize = 6;
        const ROWS_BF16: usize = 5;
        // The f32 sums are in registers only between blocks.
        const ROWS_I8: usize = 6;
        const ROWS_FULL_PANEL: usize = 2;

        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            [unsafe { _mm256_set1_ps(x) }; 2]
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::F {
            halves!(|i| unsafe { _mm256_loadu_ps(from.as_ptr().add(8 * i)) })
        }

        #[inline(always)]
        fn store(self, x: Self::F, to: &mut [f32; LANES]) {
            unsafe {
                _mm256_storeu_ps(to.as_mut_ptr(), x[0]);
                _mm256_storeu_ps(to.as_mut_ptr().add(8), x[1]);
            }
        }

        #[inline(always)]
        fn add(self, a: Self::F, b: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_add_ps(a[i], b[i]) })
        }

        #[inline(always)]
        fn sub(self, a: Self::F, b: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_sub_ps(a[i], b[i]) })
        }

        #[inline(always)]
        fn mul(self, a: Self::F, b: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_mul_ps(a[i], b[i]) })
        }

        #[inline(always)]
        fn div(self, a: Self::F, b: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_div_ps(a[i], b[i]) })
        }

        #[inline(always)]
        fn max(self, a: Self::F, b: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_max_ps(a[i], b[i]) })
        }

        #[inline(always)]
        fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            halves!(|i| unsafe { _mm256_fmadd_ps(a[i], b[i], c[i]) })
        }

        #[inline(always)]
        fn round(self, x: Self::F) -> Self::F {
            halves!(|i| unsafe {
                _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x[i])
            })
        }

        #[inline(always)]
        fn exp2(self, n: Self::F) -> Self::F {
            halves!(|i| unsafe {
                let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n[i]), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            })
        }

        #[inline(always)]
        fn widen(self, from: &[u16; LANES]) -> Self::F {
            halves!(|i| unsafe {
                _mm256_cvtph_ps(_mm_loadu_si128(from.as_ptr().add(8 * i).cast()))
            })
        }

        #[inline(always)]
        fn narrow(self, x: Self::F, to: &mut [u16; LANES]) {
            halves!(|i| unsafe {
                let narrow = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(x[i]);
                _mm_storeu_si128(to.as_mut_ptr().add(8 * i).cast(), narrow);
            });
        }

        #[inline(always)]
        fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            halves!(|i| unsafe {
                let pairs = _mm256_loadu_si256(pairs.as_ptr().add(8 * i).cast());
                let mask = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
                _mm256_castsi256_ps(_mm256_and_si256(pairs, mask))
            })
        }

        #[inline(always)]
        fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            halves!(|i| unsafe {
                let pairs = _mm256_loadu_si256(pairs.as_ptr().add(8 * i).cast());
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs))
            })
        }

        const PREFETCHES: bool = true;

        #[inline(always)]
        fn prefetch(self, address: *const u8) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        }

        #[inline(always)]
        fn splat_i(self, x: i32) -> Self::I {
            [unsafe { _mm256_set1_epi32(x) }; 2]
        }

        #[inline(always)]
        fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            let words =
                halves!(|i| unsafe { _mm256_loadu_si256(weights.as_ptr().add(8 * i).cast()) });
            let mask = unsafe { _mm256_set1_epi16(0xff) };
            (
                halves!(|i| unsafe { _mm256_and_si256(words[i], mask) }),
                halves!(|i| unsafe { _mm256_srli_epi16::<8>(words[i]) }),
            )
        }

        #[inline(always)]
        fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
            halves!(|i| unsafe {
                let x = _mm256_set1_epi32(x.cast_signed());
                _mm256_add_epi32(sums[i], _mm256_madd_epi16(weights[i], x))
            })
        }

        #[inline(always)]
        fn load_u8(self, from: &[[u8; 4]; LANES]) -> Self::I {
            halves!(|i| unsafe { _mm256_loadu_si256(from.as_ptr().add(8 * i).cast()) })
        }

        #[inline(always)]
        fn split_u4(self, packed: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            let bytes = self.load_u8(packed);
            let mask = unsafe { _mm256_set1_epi8(0x0f) };
            (
                halves!(|i| unsafe { _mm256_and_si256(bytes[i], mask) }),
                halves!(|i| unsafe { _mm256_and_si256(_mm256_srli_epi16::<4>(bytes[i]), mask) }),
            )
        }

        #[inline(always)]
        fn to_i8(self, x: Self::F) -> [i8; LANES] {
            // SAFETY: as for the whole implementation; both types of `transmute` have 16 bytes.
            unsafe {
                let words = x.map(|x| _mm256_cvtps_epi32(x));
                // Packing works within 128-bit lanes, so the middle two quarters must be swapped.
                let packed = _mm256_packs_epi32(words[0], words[1]);
                let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
                let (low, high) = (
                    _mm256_castsi256_si128(packed),
                    _mm256_extracti128_si256::<1>(packed),
                );
                std::mem::transmute::<__m128i, [i8; LANES]>(_mm_packs_epi16(low, high))
            }
        }

        #[inline(always)]
        fn to_f(self, x: Self::I) -> Self::F {
            halves!(|i| unsafe { _mm256_cvtepi32_ps(x[i]) })
        }
    };
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has the instructions (see `assume`), and every load \
              and store is of 8 of the 16 elements of a reference"
)]
impl Simd for Avx2 {
    common!();

    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        halves!(|i| unsafe {
            // Pairs of products are at most 3810, so that 16 bits suffice.
            let pairs = _mm256_maddubs_epi16(weights[i], _mm256_set1_epi32(x.cast_signed()));
            _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        })
    }
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has the instructions (see `assume`), and every load \
              and store is of 8 of the 16 elements of a reference"
)]
impl Simd for Avx2Vnni {
    const DOTS_I8: bool = true;
    common!();

    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: u32) -> Self::I {
        self.dot_u4(sums, self.load_u8(weights), x)
    }

    /// For u8 of any size.
    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        halves!(|i| unsafe {
            _mm256_dpbusd_avx_epi32(sums[i], weights[i], _mm256_set1_epi32(x.cast_signed()))
        })
    }
}
