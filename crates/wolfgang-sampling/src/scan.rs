//! Scans of logits by blocks: most steps need only the few largest.

/// Number of entries of a block: few, so that a block with one large entry costs little, but enough
/// that most blocks have none.
pub(crate) const BLOCK: usize = 64;

/// Returns the largest of `values`, or −∞ if there is none. NaN is ignored.
pub(crate) fn max(values: &[f32]) -> f32 {
    // Independent lanes are compiled to vector registers.
    const LANES: usize = 16;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    // Halving keeps the reduction in vector registers.
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (a, &b) in low.iter_mut().zip(&*high) {
            *a = larger(*a, b);
        }
        half /= 2;
    }
    rest.iter().fold(lanes[0], |a, &b| larger(a, b))
}

/// Returns the entries above `floor`, in order, each with its index. Blocks without any are
/// skipped.
pub(crate) fn above(values: &[f32], floor: f32) -> impl Iterator<Item = (u32, f32)> + Clone {
    (0u32..)
        .step_by(BLOCK)
        .zip(values.chunks(BLOCK))
        .filter(move |(_, block)| max(block) > floor)
        .flat_map(|(first, block)| (first..).zip(block.iter().copied()))
        .filter(move |&(_, value)| value > floor)
}

/// Masks the logits below `floor`; none if it is NaN.
pub(crate) fn mask_below(logits: &mut [f32], floor: f32) {
    for logit in logits {
        // An unconditional store, because a conditional one would be compiled to a branch.
        *logit = if *logit < floor {
            f32::NEG_INFINITY
        } else {
            *logit
        };
    }
}

/// One instruction on every processor. `f32::max` takes several, to handle NaN on either side.
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_found_at_every_index() {
        for len in [1, 15, 16, 17, 64, 70] {
            for at in 0..len {
                let mut values = vec![-3.0; len];
                values[at] = -2.0;
                assert_eq!(max(&values), -2.0, "{at} of {len}");
            }
        }
        assert_eq!(max(&[]), f32::NEG_INFINITY);
    }
    proptest::proptest! {
        #[test]
        fn every_entry_above_the_floor_is_returned(
            values in proptest::collection::vec(-4i8..4, 0..300),
            floor in -5i8..5,
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let floor = f32::from(floor);
            let expected: Vec<_> = (0u32..)
                .zip(values.iter().copied())
                .filter(|&(_, value)| value > floor)
                .collect();
            assert_eq!(above(&values, floor).collect::<Vec<_>>(), expected);
        }
    }
}
