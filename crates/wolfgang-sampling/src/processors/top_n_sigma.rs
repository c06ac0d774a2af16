//! Top-nσ: keeps the logits that stand out from the noise.

use super::LogitsProcessor;
use crate::History;
use crate::blocks;

/// Keeps the ids whose logits are at least max − n·σ, with the standard deviation σ of all logits above −∞ (Tang et al.
/// 2024, "Top-nσ: not all logits are you need").
///
/// σ divides by the number of logits, as in llama.cpp, and grows with the logits, so that no temperature changes what
/// is kept.
#[derive(Clone, Debug)]
pub(crate) struct TopNSigma {
    n: f32,
}

impl TopNSigma {
    /// `n` must be a number from 0 up.
    pub(crate) fn new(n: f32) -> Self {
        Self { n }
    }
}

impl LogitsProcessor for TopNSigma {
    fn process(&mut self, logits: &mut [f32], _: History<'_>) {
        let max = blocks::max(logits);
        if max > f32::NEG_INFINITY {
            let below = f64::from(self.n) * deviation(logits, max);
            blocks::mask_below(logits, (f64::from(max) - below) as f32);
        }
    }
}

/// The standard deviation of the logits above −∞, of which `max` is the largest and which must not be none.
fn deviation(logits: &[f32], max: f32) -> f64 {
    // Side by side, the lanes become vector registers. Distances from the largest are small and keep their digits.
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
    // Rounding can leave a little less than nothing. A NaN stays one.
    if variance < 0.0 { 0.0 } else { variance.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    #[test]
    fn the_deviation_is_that_of_the_possible_ids() {
        let out = f32::NEG_INFINITY;
        // Mean 5, deviation 2.
        let mut logits = vec![2.0, 4.0, out, 4.0, 4.0, 5.0, out, 5.0, 7.0, 9.0];
        assert_eq!(deviation(&logits, 9.0), 2.0);
        logits.extend([out; 23]);
        assert_eq!(deviation(&logits, 9.0), 2.0);
    }

    #[test]
    fn what_stands_out_stays() {
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
    fn equals_stay_together() {
        let mut equal = [0.1; 33];
        TopNSigma::new(0.0).process(&mut equal, EMPTY);
        assert_eq!(equal, [0.1; 33]);
    }
}
