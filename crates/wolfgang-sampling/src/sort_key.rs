//! Integers that sort ids by descending logit.

/// Returns an integer that sorts by descending logit, then by ascending id. Sorting such integers
/// is several times faster than sorting ids with a comparison of their logits.
pub(crate) fn sort_key(logit: f32, id: u32) -> u64 {
    let bits = logit.to_bits();
    // The order of `f32::total_cmp` reversed: all bits of positive numbers except the sign are
    // inverted.
    let descending = if logit.is_sign_negative() {
        bits
    } else {
        bits ^ 0x7fff_ffff
    };
    u64::from(descending) << 32 | u64::from(id)
}

/// Returns the id of a [`sort_key`].
pub(crate) fn id_of(key: u64) -> usize {
    key as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn keys_sort_by_descending_logit_then_ascending_id(
            bits in 0u32..,
            away in -2i32..=2,
            minus in proptest::bool::ANY,
            ids in (0u32..9, 0u32..9),
        ) {
            let a = f32::from_bits(bits);
            let b = f32::from_bits(bits.wrapping_add_signed(away));
            let b = if minus { -b } else { b };
            let expected = b.total_cmp(&a).then(ids.0.cmp(&ids.1));
            assert_eq!(sort_key(a, ids.0).cmp(&sort_key(b, ids.1)), expected, "{a:e} and {b:e}");
        }
    }
}
