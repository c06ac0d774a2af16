//! Element types of weights.

use half::{bf16, f16};

/// Element type of a matrix, which determines that of its activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// f32 weights and activations.
    F32,
    /// f16 weights, f32 activations.
    F16,
    /// bf16 weights and activations.
    Bf16,
    /// int8 weights (-127 to 127) with one scale per output, and int8 activations with one scale
    /// per 64 inputs.
    Int8,
}

/// Inputs that share a scale.
pub(crate) const BLOCK: usize = 64;

impl Format {
    /// Bytes for each weight.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Inputs that are multiplied in one step, and lie side by side in one word of the activations.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Bf16 => 2,
            Self::Int8 => 4,
        }
    }

    /// Groups for so many inputs. What is missing in the last is 0.
    pub(crate) fn groups(self, inputs: usize) -> usize {
        match self {
            Self::Int8 => inputs.next_multiple_of(BLOCK) / self.group(),
            _ => inputs.div_ceil(self.group()),
        }
    }
}

/// The bits of the nearest bf16, of two the even one; 0 for what lies below the normal numbers, NaN for NaN.
#[inline(always)]
pub(crate) fn bf16_bits(x: f32) -> u32 {
    // Rounded as a number, one of many bits would carry over into the sign.
    let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if rounded & 0x7f80 == 0 { 0 } else { rounded }
}

/// Two inputs or weights in one word: the first is in the upper half, where the instruction begins.
#[inline(always)]
pub(crate) fn bf16_pair(first: f32, second: f32) -> u32 {
    bf16_bits(first) << 16 | bf16_bits(second)
}

/// The scale at which the largest number of a row becomes 127.
///
/// It has 16 significant bits, rounded up, so that 127 times the scale is exact: numbers that were quantised once get
/// the same scale again. A row too small for a normal scale has the scale 0.
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

/// The nearest multiple of 1 / `per_unit`, as its number.
#[inline(always)]
pub(crate) fn quantised(x: f32, per_unit: f32) -> i32 {
    // Rounding may push the largest number beyond.
    ((x * per_unit).round_ties_even() as i32).clamp(-127, 127)
}

/// How many steps of `scale` make up 1; none for a scale of 0, or one so small that it has no such number.
#[inline(always)]
pub(crate) fn per_unit(scale: f32) -> f32 {
    if scale >= f32::MIN_POSITIVE {
        1.0 / scale
    } else {
        0.0
    }
}

/// Quantises a row of a matrix to int8 for [`Format::Int8`] and returns its scale.
///
/// Writes integers from -127 to 127 to `into`, which must have the length of the row. An integer
/// times the scale is exact in f32 (or infinite at the end of its range), so quantising the result
/// again gives the same integers and scale. The caller must check that the row is finite.
pub fn quantise(row: &[f32], into: &mut [i8]) -> f32 {
    let scale = row_scale(row);
    let per_unit = per_unit(scale);
    for (to, x) in into.iter_mut().zip(row) {
        *to = quantised(*x, per_unit) as i8;
    }
    scale
}

/// The number that is kept for `x`, which is a multiple of `scale` where weights are [`Format::Int8`].
pub(crate) fn kept(format: Format, x: f32, scale: f32) -> f32 {
    match format {
        Format::F32 => x,
        Format::F16 => f16::from_f32(x).to_f32(),
        Format::Bf16 => bf16::from_bits(bf16_bits(x) as u16).to_f32(),
        Format::Int8 => quantised(x, per_unit(scale)) as f32 * scale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_keeps_what_is_no_number() {
        for bits in [0x7fff_ffff, 0xffff_ffff, 0x7f80_0001, 0x7fc0_0000] {
            let x = f32::from_bits(bits);
            assert!(kept(Format::Bf16, x, 1.0).is_nan(), "{bits:x}");
        }
        for x in [f32::INFINITY, f32::NEG_INFINITY, 1.0, -0.0] {
            assert_eq!(kept(Format::Bf16, x, 1.0), x);
        }
    }
}
