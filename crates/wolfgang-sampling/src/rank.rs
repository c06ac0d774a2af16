//! The order of ids by likelihood, as plain numbers.

/// A number that is the smaller the more likely an id is, of equally likely ones the smaller the lower it is. Sorting
/// such numbers is several times faster than sorting ids by a comparison that looks their logits up.
pub(crate) fn rank(logit: f32, id: u32) -> u64 {
    let bits = logit.to_bits();
    // As in `f32::total_cmp`, but falling: of positive numbers all bits but the sign are turned over.
    let falling = if logit.is_sign_negative() {
        bits
    } else {
        bits ^ 0x7fff_ffff
    };
    u64::from(falling) << 32 | u64::from(id)
}

/// The id in a [`rank`].
pub(crate) fn id_of(rank: u64) -> usize {
    rank as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn ranks_stand_as_logits_fall_and_ids_rise(
            bits in 0u32..,
            away in -2i32..=2,
            minus in proptest::bool::ANY,
            ids in (0u32..9, 0u32..9),
        ) {
            let a = f32::from_bits(bits);
            let b = f32::from_bits(bits.wrapping_add_signed(away));
            let b = if minus { -b } else { b };
            let expected = b.total_cmp(&a).then(ids.0.cmp(&ids.1));
            assert_eq!(rank(a, ids.0).cmp(&rank(b, ids.1)), expected, "{a:e} and {b:e}");
        }
    }
}
