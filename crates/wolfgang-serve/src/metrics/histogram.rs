//! Histograms of durations.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

#[derive(Debug, Default)]
pub(crate) struct Histogram(Mutex<Counts>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// By the first bound that is not exceeded.
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            counts.buckets[at] += 1;
        }
        counts.count += 1;
        counts.seconds += seconds;
    }

    fn counts(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        let Counts { count, seconds, .. } = self.counts();
        (count > 0).then(|| Duration::from_secs_f64(seconds / count as f64))
    }

    pub(crate) fn render(&self, name: &str, text: &mut String) {
        let Counts {
            buckets,
            count,
            seconds,
        } = self.counts();
        let mut below = 0;
        for (bound, bucket) in BOUNDS.iter().zip(buckets) {
            below += bucket;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "wolfgang_{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "wolfgang_{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(
            text,
            "wolfgang_{name}_sum {seconds}\nwolfgang_{name}_count {count}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let histogram = Histogram::default();
        assert_eq!(histogram.mean(), None);
        for millis in [1, 2, 2, 500_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut text = String::new();
        histogram.render("x", &mut text);
        let values: Vec<_> = text
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(values[..3], ["1", "3", "3"]);
        assert_eq!(values[15..], ["3", "4", "500.005", "4"]);
    }
}
