//! Statistics of repeated measurements.

use serde::Serialize;

/// Statistics of repeated measurements.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Statistics {
    /// The median; with an even number of samples, the mean of the two in the middle.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Statistics {
    /// Returns the statistics of some samples, or `None` without samples.
    pub fn from_samples(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut samples: Vec<_> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let upper = samples.get(samples.len() / 2)?;
        let lower = samples.get(samples.len().saturating_sub(1) / 2)?;
        Some(Self {
            median: (lower + upper) / 2.0,
            min: *samples.first()?,
            max: *samples.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_samples_is_the_mean_of_the_middle() {
        for (samples, median, min, max) in [
            (&[2.0][..], 2.0, 2.0, 2.0),
            (&[3.0, 1.0, 10.0], 3.0, 1.0, 10.0),
            (&[1.0, 4.0, 2.0, 3.0], 2.5, 1.0, 4.0),
        ] {
            let found = Statistics::from_samples(samples.iter().copied()).unwrap();
            assert_eq!((found.median, found.min, found.max), (median, min, max));
        }
        assert!(Statistics::from_samples([]).is_none());
    }
}
