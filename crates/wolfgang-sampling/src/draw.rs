//! Inverse transform sampling of an id.

use crate::scan;

/// Samples an id by inverse transform sampling: the first id at which the cumulative sum of
/// `probabilities` exceeds `u`.
///
/// `u` is in `0.0..1.0` and is scaled by the sum of the probabilities, which need not be exactly 1.
/// An id of probability 0 is never drawn, unless all are 0; then id 0 is returned.
pub fn draw(probabilities: &[f32], u: f64) -> u32 {
    inverse_cdf(scan::above(probabilities, 0.0), u).id
}

/// The id drawn by [`inverse_cdf`], and the cumulative sums around it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CdfPick {
    pub(crate) id: u32,
    /// Sum of the probabilities before the id.
    pub(crate) from: f64,
    /// Sum of the probabilities including the id.
    pub(crate) to: f64,
    /// Sum of all probabilities.
    pub(crate) total: f64,
}

/// [`draw`] from ids in ascending order, each with its probability.
pub(crate) fn inverse_cdf(possible: impl Iterator<Item = (u32, f32)> + Clone, u: f64) -> CdfPick {
    let total = possible.clone().map(|(_, p)| f64::from(p)).sum();
    let target = u * total;
    let mut pick = CdfPick {
        total,
        ..CdfPick::default()
    };
    for (id, p) in possible {
        if p > 0.0 {
            pick.id = id;
            pick.from = pick.to;
            pick.to += f64::from(p);
            if pick.to > target {
                break;
            }
        }
    }
    pick
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draw_is_the_first_id_whose_cumulative_probability_exceeds_u() {
        let probabilities = [0.0, 0.25, 0.5, 0.0, 0.25, 0.0];
        for (u, id) in [
            (0.0, 1),
            (0.2, 1),
            (0.25, 2),
            (0.7, 2),
            (0.75, 4),
            (0.999_999, 4),
        ] {
            assert_eq!(draw(&probabilities, u), id, "u = {u}");
        }
        assert_eq!(
            draw(&[0.5, 0.5, 0.0], 1.0),
            1,
            "an id of probability 0 is not drawn"
        );
    }
}
