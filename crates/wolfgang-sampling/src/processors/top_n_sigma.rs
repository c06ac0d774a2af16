//! Top-nσ: keeps the logits within n standard deviations of the largest.

use super::LogitsProcessor;
use crate::History;
use crate::scan;

/// Keeps the ids whose logits are at least max − n·σ, where σ is the standard deviation of all
/// logits above −∞ (Tang et al. 2024, "Top-nσ: not all logits are you need").
///
/// σ is that of the population (divided by n, not n − 1), as in llama.cpp. It scales with the
/// logits, so the temperature does not change which ids are kept.
#[derive(Clone, Debug)]
pub(crate) struct TopNSigma {
    n: f32,
}

impl TopNSigma {
    /// `n` must be finite and not negative.
    pub(crate) fn new(n: f32) -> Self {
        Self { n }
    }
}

impl LogitsProcessor for TopNSigma {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let max = scan::max(logits);
        if max > f32::NEG_INFINITY {
            let below = f64::from(self.n) * deviation(logits, max);
            scan::mask_below(logits, (f64::from(max) - below) as f32);
        }
    }
}

/// Returns the standard deviation of the logits above −∞. There must be at least one; `max` is the
/// largest.
fn deviation(logits: &[f32], max: f32) -> f64 {
    // Independent lanes are compiled to vector registers. Distances from the maximum are summed,
    // because they are small and lose fewer digits.
    const LANES: usize = 8;
    let mut possible = [0u32; LANES];
    let mut sums = [0f64; LANES];
    let mut squares = [0f64; LANES];
    let mut add = |lane: usize, logit: f32| {
        let is_possible = logit > f32::NEG_INFINITY;
        let distance = f64::from(if is_possible { max - logit } else { 0.0 });
        possible[lane] += u32::from(is_possible);
        sums[lane] += distance;
        squares[lane] += distance * distance;
    };
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &logit) in chunk.iter().enumerate() {
            add(lane, logit);
        }
    }
    for (lane, &logit) in rest.iter().enumerate() {
        add(lane, logit);
    }
    let n = f64::from(possible.iter().sum::<u32>());
    let mean = sums.iter().sum::<f64>() / n;
    let variance = squares.iter().sum::<f64>() / n - mean * mean;
    // Rounding can make the variance slightly negative. NaN stays NaN.
    if variance < 0.0 { 0.0 } else { variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn masked_ids_do_not_change_the_deviation() {
        let out = f32::NEG_INFINITY;
        // Mean 5, deviation 2.
        let mut logits = vec![2.0, 4.0, out, 4.0, 4.0, 5.0, out, 5.0, 7.0, 9.0];
        assert_eq!(deviation(&logits, 9.0), 2.0);
        logits.extend([out; 23]);
        assert_eq!(deviation(&logits, 9.0), 2.0);
    }

    #[test]
    fn logits_within_n_deviations_of_the_largest_are_kept() {
        let out = f32::NEG_INFINITY;
        let logits = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        for (n, expected) in [
            (0.0, [out, out, out, out, out, out, out, 9.0]),
            (1.0, [out, out, out, out, out, out, 7.0, 9.0]),
            (2.0, [out, out, out, out, 5.0, 5.0, 7.0, 9.0]),
            (3.5, logits),
        ] {
            let mut found = logits;
            TopNSigma::new(n).process(&mut found, EMPTY);
            assert_eq!(found, expected, "n = {n}");
        }
    }

    #[test]
    fn equal_logits_are_all_kept() {
        let mut equal = [0.1; 33];
        TopNSigma::new(0.0).process(&mut equal, EMPTY);
        assert_eq!(equal, [0.1; 33]);
    }
}
