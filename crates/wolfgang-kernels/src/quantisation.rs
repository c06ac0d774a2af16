//! Rounding of numbers to bf16 and int8.

use crate::format::Format;
use crate::int4;
use half::{bf16, f16};

/// Rounds to bf16, to the nearest and ties to even, and returns its bits. Subnormal results become
/// 0, NaN stays NaN.
#[inline(always)]
pub(crate) fn bf16_bits(x: f32) -> u32 {
    // A NaN is replaced first: the addition below could carry from its payload into the sign.
    let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if rounded & 0x7f80 == 0 { 0 } else { rounded }
}

/// Packs two inputs or weights as bf16 into one word. The first is in the upper half, which the
/// dot-product instruction multiplies first.
#[inline(always)]
pub(crate) fn bf16_pair(first: f32, second: f32) -> u32 {
    bf16_bits(first) << 16 | bf16_bits(second)
}

/// The int8 scale of a row, with which its largest magnitude becomes 127.
///
/// It is rounded up to 16 significant bits, so that 127 times the scale is exact and quantising the
/// result again gives the same scale. It is 0 for a row whose scale would be subnormal.
#[inline(always)]
pub(crate) fn row_scale(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0f32, |max, x| max.max(x.abs()));
    let scale = f32::from_bits(((largest / 127.0).to_bits() + 0xff) & !0xff);
    if scale < f32::MIN_POSITIVE {
        0.0
    } else {
        scale
    }
}

/// 1 / `scale`, or 0 if the scale is 0 or subnormal.
#[inline(always)]
pub(crate) fn inv_scale(scale: f32) -> f32 {
    if scale >= f32::MIN_POSITIVE {
        1.0 / scale
    } else {
        0.0
    }
}

/// Quantises one finite number to int8, rounding ties to even.
#[inline(always)]
pub(crate) fn to_int8(x: f32, inv_scale: f32) -> i32 {
    // 1.5 · 2^23: a sum with a small number is rounded to an integer, which its low bits contain.
    // Loops with this are vectorised; with a conversion to i32, which checks its range, they are not.
    const ROUND: f32 = 12_582_912.0;
    // Clamped, because rounding of `inv_scale` can give 128 for the largest number.
    let clamped = (x * inv_scale).clamp(-127.0, 127.0);
    (clamped + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

/// Quantises a row of a matrix to int8 for [`Format::Int8`] and returns its scale.
///
/// Writes integers from -127 to 127 to `into`, which must have the length of the row. An integer
/// times the scale is exact in f32 (or infinite at the end of its range), so quantising the result
/// again gives the same integers and scale. The caller must check that the row is finite.
pub fn quantise(row: &[f32], into: &mut [i8]) -> f32 {
    let scale = row_scale(row);
    let inv_scale = inv_scale(scale);
    for (to, x) in into.iter_mut().zip(row) {
        *to = to_int8(*x, inv_scale) as i8;
    }
    scale
}

/// Rounds a row of weights, `[inputs]`, to the values that a matrix of the format stores.
pub fn round_trip_row(format: Format, row: &mut [f32]) {
    if format == Format::Int4 {
        return int4::round_trip_row(row);
    }
    let scale = row_scale(row);
    row.iter_mut()
        .for_each(|x| *x = round_trip(format, *x, scale));
}

/// The value that a matrix of the format, which is not int4, stores for `x`. `scale` is used for
/// [`Format::Int8`] only.
fn round_trip(format: Format, x: f32, scale: f32) -> f32 {
    match format {
        Format::F32 | Format::Int4 => x,
        Format::F16 => f16::from_f32(x).to_f32(),
        Format::Bf16 => bf16::from_bits(bf16_bits(x) as u16).to_f32(),
        Format::Int8 => to_int8(x, inv_scale(scale)) as f32 * scale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int8_are_the_nearest_integers_and_even_for_ties() {
        let halves = (-260..=260).map(|twice| twice as f32 / 2.0);
        let near_halves = halves.flat_map(|x| [x.next_down(), x, x.next_up()]);
        for x in near_halves.chain([-0.0, 1e-30, f32::MIN, f32::MAX]) {
            let expected = x.round_ties_even().clamp(-127.0, 127.0) as i32;
            assert_eq!(to_int8(x, 1.0), expected, "{x}");
        }
    }

    #[test]
    fn bf16_keeps_nan_infinity_and_signed_zero() {
        for bits in [0x7fff_ffff, 0xffff_ffff, 0x7f80_0001, 0x7fc0_0000] {
            let x = f32::from_bits(bits);
            assert!(round_trip(Format::Bf16, x, 1.0).is_nan(), "{bits:x}");
        }
        for x in [f32::INFINITY, f32::NEG_INFINITY, 1.0, -0.0] {
            assert_eq!(round_trip(Format::Bf16, x, 1.0), x);
        }
    }
}
