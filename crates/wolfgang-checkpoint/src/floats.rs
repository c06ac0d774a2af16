//! Stored numbers, and the same numbers as f32.

use burn::tensor::DType;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};

/// Whether numbers of this type can be a model's weights by themselves. Int8 needs scales.
pub(crate) fn is_weight_type(dtype: DType) -> bool {
    matches!(dtype, DType::F64 | DType::F32 | DType::F16 | DType::BF16)
}

/// Writes the numbers stored in `bytes` into `into`, which has room for exactly these. Nothing unless
/// [`is_weight_type`] or int8, whose whole numbers these then are.
pub(crate) fn decode(dtype: DType, bytes: &[u8], into: &mut [f32]) {
    match dtype {
        DType::F32 => read(bytes, into, f32::from_le_bytes),
        DType::F64 => read(bytes, into, |b| f64::from_le_bytes(b) as f32),
        DType::BF16 => read(bytes, into, |b| bf16::from_le_bytes(b).to_f32()),
        DType::F16 => {
            // Stored bytes may lie anywhere; the conversion by processor instructions wants whole numbers.
            let mut bits = vec![0u16; into.len()];
            read(bytes, &mut bits, u16::from_le_bytes);
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(into);
        }
        DType::I8 => read(bytes, into, |b| i8::from_le_bytes(b).into()),
        _ => {}
    }
}

/// Stores `values` in `into`, which has room for exactly these; each as the nearest number that `dtype` has, of two
/// the even one. There is no f64 among the types that are written.
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

/// How many of the numbers `stored`, which are `values` in f32, are not exactly what was `written` in their place.
pub(crate) fn count_rounded(stored: (DType, &[u8]), values: &[f32], written: &[f32]) -> usize {
    match stored {
        // What f32 does not hold exactly is rounded in any case.
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

    fn back(dtype: DType, values: &[f32]) -> Vec<f32> {
        let mut decoded = vec![0.0; values.len()];
        decode(dtype, &stored(dtype, values), &mut decoded);
        decoded
    }

    proptest! {
        #[test]
        fn every_type_keeps_the_nearest_number(values in proptest::collection::vec(-1e4f32..1e4, 1..40)) {
            prop_assert_eq!(back(DType::F32, &values), values.clone());
            let halves: Vec<f32> = values.iter().map(|x| f16::from_f32(*x).to_f32()).collect();
            prop_assert_eq!(back(DType::F16, &values), halves);
            let brains: Vec<f32> = values.iter().map(|x| bf16::from_f32(*x).to_f32()).collect();
            prop_assert_eq!(back(DType::BF16, &values), brains);
        }

        #[test]
        fn bytes_may_lie_at_any_address(values in proptest::collection::vec(-1f32..1.0, 1..20), shift in 0usize..8) {
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let bytes = [vec![0xff; shift], stored(dtype, &values)].concat();
                let mut decoded = vec![0.0; values.len()];
                decode(dtype, &bytes[shift..], &mut decoded);
                prop_assert_eq!(decoded, back(dtype, &values));
            }
        }
    }

    #[test]
    fn rounding_is_counted_against_what_was_stored() {
        let third: f64 = 1.0 / 3.0;
        let bytes = [0.5f64.to_le_bytes(), third.to_le_bytes()].concat();
        let mut values = [0.0; 2];
        decode(DType::F64, &bytes, &mut values);
        assert_eq!(values, [0.5, third as f32]);
        let rounded = |dtype, bytes: &[u8], values: &[f32]| {
            let written = back(DType::F32, &back(dtype, values));
            count_rounded((DType::F64, bytes), values, &written)
        };
        assert_eq!(
            [DType::F32, DType::F16].map(|dtype| rounded(dtype, &bytes, &values)),
            [1, 1]
        );
        assert_eq!(count_rounded((DType::F32, &[]), &values, &values), 0);
    }
}
