//! NEON, without and with the dot-product instruction for int8.

use super::{LANES, Simd};
use std::arch::aarch64::*;
use std::arch::asm;

/// A processor with NEON: every aarch64 processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon;

/// Evidence that the processor has the dot-product instruction, `FEAT_DotProd`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NeonDot(());

impl NeonDot {
    /// # Safety
    /// The processor must have `FEAT_DotProd`.
    pub(crate) unsafe fn assume() -> Self {
        Self(())
    }
}

/// Evaluates an expression for each quarter of a vector. Not a function with a closure: the closure
/// would be a separate function.
macro_rules! quarters {
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
            {
                let $i = 2;
                $value
            },
            {
                let $i = 3;
                $value
            },
        ]
    };
}

/// The operations without dot-product instruction.
macro_rules! common {
    () => {
        type F = [float32x4_t; 4];
        type I = [int32x4_t; 4];
        const ACCUMULATORS: usize = 4;
        const ROWS: usize = 3;
        const ROWS_I8: usize = 2;

        #[inline(always)]
        fn splat(self, x: f32) -> Self::F {
            [unsafe { vdupq_n_f32(x) }; 4]
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::F {
            quarters!(|i| unsafe { vld1q_f32(from.as_ptr().add(4 * i)) })
        }

        #[inline(always)]
        fn store(self, x: Self::F, to: &mut [f32; LANES]) {
            for (i, x) in x.into_iter().enumerate() {
                unsafe { vst1q_f32(to.as_mut_ptr().add(4 * i), x) }
            }
        }

        #[inline(always)]
        fn add(self, a: Self::F, b: Self::F) -> Self::F {
            quarters!(|i| unsafe { vaddq_f32(a[i], b[i]) })
        }

        #[inline(always)]
        fn sub(self, a: Self::F, b: Self::F) -> Self::F {
            quarters!(|i| unsafe { vsubq_f32(a[i], b[i]) })
        }

        #[inline(always)]
        fn mul(self, a: Self::F, b: Self::F) -> Self::F {
            quarters!(|i| unsafe { vmulq_f32(a[i], b[i]) })
        }

        #[inline(always)]
        fn div(self, a: Self::F, b: Self::F) -> Self::F {
            quarters!(|i| unsafe { vdivq_f32(a[i], b[i]) })
        }

        #[inline(always)]
        fn max(self, a: Self::F, b: Self::F) -> Self::F {
            quarters!(|i| unsafe { vmaxq_f32(a[i], b[i]) })
        }

        #[inline(always)]
        fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            quarters!(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
        }

        #[inline(always)]
        fn round(self, x: Self::F) -> Self::F {
            quarters!(|i| unsafe { vrndnq_f32(x[i]) })
        }

        #[inline(always)]
        fn exp2(self, n: Self::F) -> Self::F {
            quarters!(|i| unsafe {
                let exponent = vaddq_s32(vcvtq_s32_f32(n[i]), vdupq_n_s32(127));
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
            })
        }

        #[inline(always)]
        fn widen(self, from: &[u16; LANES]) -> Self::F {
            quarters!(|i| unsafe {
                let narrow = vld1_u16(from.as_ptr().add(4 * i));
                let wide: float32x4_t;
                // The intrinsic for this requires a type that is not stable.
                asm!("fcvtl {wide:v}.4s, {narrow:v}.4h", wide = lateout(vreg) wide, narrow = in(vreg) narrow,
                    options(pure, nomem, nostack, preserves_flags));
                wide
            })
        }

        #[inline(always)]
        fn narrow(self, x: Self::F, to: &mut [u16; LANES]) {
            quarters!(|i| unsafe {
                let narrow: uint16x4_t;
                // As for `widen`.
                asm!("fcvtn {narrow:v}.4h, {wide:v}.4s", narrow = lateout(vreg) narrow, wide = in(vreg) x[i],
                    options(pure, nomem, nostack, preserves_flags));
                vst1_u16(to.as_mut_ptr().add(4 * i), narrow);
            });
        }

        #[inline(always)]
        fn upper_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            quarters!(|i| unsafe {
                let pairs = vld1q_u32(pairs.as_ptr().add(4 * i));
                vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff_0000)))
            })
        }

        #[inline(always)]
        fn lower_bf16(self, pairs: &[u32; LANES]) -> Self::F {
            quarters!(|i| unsafe {
                let pairs = vld1q_u32(pairs.as_ptr().add(4 * i));
                vreinterpretq_f32_u32(vshlq_n_u32::<16>(pairs))
            })
        }

        #[inline(always)]
        fn splat_i(self, x: i32) -> Self::I {
            [unsafe { vdupq_n_s32(x) }; 4]
        }

        #[inline(always)]
        fn split_i8(self, weights: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            let words = quarters!(|i| unsafe { vld1q_u32(weights.as_ptr().add(4 * i).cast()) });
            let mask = unsafe { vdupq_n_u32(0x00ff_00ff) };
            (
                quarters!(|i| unsafe { vreinterpretq_s32_u32(vandq_u32(words[i], mask)) }),
                quarters!(|i| unsafe {
                    vreinterpretq_s32_u16(vshrq_n_u16::<8>(vreinterpretq_u16_u32(words[i])))
                }),
            )
        }

        #[inline(always)]
        fn dot_i16(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
            quarters!(|i| unsafe {
                let weights = vreinterpretq_s16_s32(weights[i]);
                let x = vreinterpretq_s16_u32(vdupq_n_u32(x));
                // The two products of each lane are adjacent.
                let low = vmull_s16(vget_low_s16(weights), vget_low_s16(x));
                let high = vmull_high_s16(weights, x);
                vaddq_s32(sums[i], vpaddq_s32(low, high))
            })
        }

        #[inline(always)]
        fn load_u8(self, from: &[[u8; 4]; LANES]) -> Self::I {
            quarters!(|i| unsafe { vld1q_s32(from.as_ptr().add(4 * i).cast()) })
        }

        #[inline(always)]
        fn split_u4(self, packed: &[[u8; 4]; LANES]) -> (Self::I, Self::I) {
            let bytes = quarters!(|i| unsafe { vld1q_u8(packed.as_ptr().add(4 * i).cast()) });
            let mask = unsafe { vdupq_n_u8(0x0f) };
            (
                quarters!(|i| unsafe { vreinterpretq_s32_u8(vandq_u8(bytes[i], mask)) }),
                quarters!(|i| unsafe { vreinterpretq_s32_u8(vshrq_n_u8::<4>(bytes[i])) }),
            )
        }

        #[inline(always)]
        fn to_i8(self, x: Self::F) -> [i8; LANES] {
            // SAFETY: as for the whole implementation; both types of `transmute` have 16 bytes.
            unsafe {
                let words = quarters!(|i| vcvtq_s32_f32(x[i]));
                let low = vcombine_s16(vmovn_s32(words[0]), vmovn_s32(words[1]));
                let high = vcombine_s16(vmovn_s32(words[2]), vmovn_s32(words[3]));
                let bytes = vcombine_s8(vmovn_s16(low), vmovn_s16(high));
                std::mem::transmute::<int8x16_t, [i8; LANES]>(bytes)
            }
        }

        #[inline(always)]
        fn to_f(self, x: Self::I) -> Self::F {
            quarters!(|i| unsafe { vcvtq_f32_s32(x[i]) })
        }
    };
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "NEON is part of the architecture, and every load and store is of 4 of the 16 elements of a \
              reference"
)]
impl Simd for Neon {
    common!();

    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        quarters!(|i| unsafe {
            let weights = vreinterpretq_s8_s32(weights[i]);
            let x = vreinterpretq_s8_u32(vdupq_n_u32(x));
            // Pairs of products are at most 3810, so that 16 bits suffice.
            let low = vmull_s8(vget_low_s8(weights), vget_low_s8(x));
            let high = vmull_high_s8(weights, x);
            vpadalq_s16(sums[i], vpaddq_s16(low, high))
        })
    }
}

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "a value exists only if the processor has the instructions (see `assume`), and every load and \
              store is of 4 of the 16 elements of a reference"
)]
impl Simd for NeonDot {
    const DOTS_I8: bool = true;
    const SUBTRACTS_I8_OFFSET: bool = true;
    common!();

    #[inline(always)]
    fn dot_i8(self, sums: Self::I, weights: &[[u8; 4]; LANES], x: u32) -> Self::I {
        quarters!(|i| unsafe {
            // 128 less, as i8.
            let weights = veorq_u8(
                vld1q_u8(weights.as_ptr().add(4 * i).cast()),
                vdupq_n_u8(0x80),
            );
            sdot(sums[i], vreinterpretq_s8_u8(weights), x)
        })
    }

    #[inline(always)]
    fn dot_u4(self, sums: Self::I, weights: Self::I, x: u32) -> Self::I {
        quarters!(|i| unsafe { sdot(sums[i], vreinterpretq_s8_s32(weights[i]), x) })
    }
}

/// Adds four products to each lane: those of its i8 with those in `x`.
///
/// # Safety
/// The processor must have `FEAT_DotProd`.
#[inline(always)]
unsafe fn sdot(sums: int32x4_t, weights: int8x16_t, x: u32) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: as required of the caller. The intrinsic for this is not stable.
    unsafe {
        asm!("sdot {sums:v}.4s, {weights:v}.16b, {x:v}.16b", sums = inlateout(vreg) sums,
            weights = in(vreg) weights, x = in(vreg) vdupq_n_u32(x),
            options(pure, nomem, nostack, preserves_flags));
    }
    sums
}
