//! Conversion between stored elements and f32.

use burn::tensor::DType;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};

/// Whether a tensor of this type can hold weights without scales.
pub(crate) fn is_weight_type(dtype: DType) -> bool {
    matches!(dtype, DType::F64 | DType::F32 | DType::F16 | DType::BF16)
}

/// Converts elements to f32. `into` must have the length of `bytes` in elements.
///
/// Int8 is converted without scales. Does nothing for a type that is neither int8 nor a weight type
/// (see [`is_weight_type`]).
pub(crate) fn decode(dtype: DType, bytes: &[u8], into: &mut [f32]) {
    match dtype {
        DType::F32 => read(bytes, into, f32::from_le_bytes),
        DType::F64 => read(bytes, into, |b| f64::from_le_bytes(b) as f32),
        DType::BF16 => read(bytes, into, |b| bf16::from_le_bytes(b).to_f32()),
        DType::F16 => {
            // `bytes` may be unaligned, but the vectorised conversion needs aligned numbers.
            let mut bits = vec![0u16; into.len()];
            read(bytes, &mut bits, u16::from_le_bytes);
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(into);
        }
        DType::I8 => read(bytes, into, |b| i8::from_le_bytes(b).into()),
        _ => {}
    }
}

/// Converts f32 to elements of type f32, f16 or bf16, rounding to nearest, ties to even. `into`
/// must have the length of `values` in elements. Does nothing for other types, which are never
/// written.
pub(crate) fn encode(dtype: DType, values: &[f32], into: &mut [u8]) {
    match dtype {
        DType::F32 => write(values, into, f32::to_le_bytes),
        DType::BF16 => write(values, into, |x| bf16::from_f32(x).to_le_bytes()),
        DType::F16 => {
            let mut halves = vec![f16::ZERO; values.len()];
            halves.convert_from_f32_slice(values);
            write(&halves, into, f16::to_le_bytes);
        }
        _ => {}
    }
}

/// Returns the number of elements whose value changed between `stored` and `written`. `values` are
/// the elements of `stored` as f32.
pub(crate) fn count_rounded(stored: (DType, &[u8]), values: &[f32], written: &[f32]) -> usize {
    match stored {
        // Compared as f64, because `values` may already be rounded.
        (DType::F64, bytes) => {
            let stored = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
            let pairs = stored.zip(written);
            pairs.filter(|(a, b)| *a != f64::from(**b)).count()
        }
        _ => values.iter().zip(written).filter(|(a, b)| a != b).count(),
    }
}

fn read<const N: usize, T>(bytes: &[u8], into: &mut [T], number: impl Fn([u8; N]) -> T) {
    for (to, from) in into.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *to = number(*from);
    }
}

fn write<const N: usize, T: Copy>(values: &[T], into: &mut [u8], bytes: impl Fn(T) -> [u8; N]) {
    for (to, from) in into.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *to = bytes(*from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stored(dtype: DType, values: &[f32]) -> Vec<u8> {
        let mut bytes = vec![0; values.len() * dtype.size()];
        encode(dtype, values, &mut bytes);
        bytes
    }

    fn round_trip(dtype: DType, values: &[f32]) -> Vec<f32> {
        let mut decoded = vec![0.0; values.len()];
        decode(dtype, &stored(dtype, values), &mut decoded);
        decoded
    }

    proptest! {
        #[test]
        fn values_are_rounded_to_the_nearest_number(values in proptest::collection::vec(-1e4f32..1e4, 1..40)) {
            prop_assert_eq!(round_trip(DType::F32, &values), values.clone());
            let halves: Vec<f32> = values.iter().map(|x| f16::from_f32(*x).to_f32()).collect();
            prop_assert_eq!(round_trip(DType::F16, &values), halves);
            let brains: Vec<f32> = values.iter().map(|x| bf16::from_f32(*x).to_f32()).collect();
            prop_assert_eq!(round_trip(DType::BF16, &values), brains);
        }

        #[test]
        fn bytes_may_be_unaligned(values in proptest::collection::vec(-1f32..1.0, 1..20), shift in 0usize..8) {
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let bytes = [vec![0xff; shift], stored(dtype, &values)].concat();
                let mut decoded = vec![0.0; values.len()];
                decode(dtype, &bytes[shift..], &mut decoded);
                prop_assert_eq!(decoded, round_trip(dtype, &values));
            }
        }
    }

    #[test]
    fn rounding_is_counted_relative_to_the_stored_values() {
        let third: f64 = 1.0 / 3.0;
        let bytes = [0.5f64.to_le_bytes(), third.to_le_bytes()].concat();
        let mut values = [0.0; 2];
        decode(DType::F64, &bytes, &mut values);
        assert_eq!(values, [0.5, third as f32]);
        let rounded = |dtype, bytes: &[u8], values: &[f32]| {
            let written = round_trip(DType::F32, &round_trip(dtype, values));
            count_rounded((DType::F64, bytes), values, &written)
        };
        assert_eq!(
            [DType::F32, DType::F16].map(|dtype| rounded(dtype, &bytes, &values)),
            [1, 1]
        );
        assert_eq!(count_rounded((DType::F32, &[]), &values, &values), 0);
    }
}
