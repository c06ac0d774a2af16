//! Detection of an engine that makes no progress.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use wolfgang_generate::EngineStats;

/// What was last seen of the progress of the engine.
#[derive(Debug)]
pub(crate) struct StallDetector(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    tokens: u64,
    is_running: bool,
    since: Instant,
}

impl StallDetector {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Seen {
            tokens: 0,
            is_running: false,
            since: Instant::now(),
        }))
    }

    /// Whether no token has been computed since an earlier call, longer ago than `timeout`, at which
    /// generations were running.
    pub(crate) fn is_stalled(&self, stats: &EngineStats, timeout: Duration) -> bool {
        let tokens = stats.prompt_tokens + stats.cached_tokens + stats.generated_tokens;
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running = stats.running > 0;
        if !is_running || !seen.is_running || seen.tokens != tokens {
            *seen = Seen {
                tokens,
                is_running,
                since: now,
            };
        }
        now.duration_since(seen.since) > timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_was_idle_at_the_last_call_is_not_stalled() {
        let detector = StallDetector::new();
        let mut stats = EngineStats::default();
        let stalled = |stats: &EngineStats| detector.is_stalled(stats, Duration::ZERO);
        assert!(!stalled(&stats));
        stats.running = 1;
        std::thread::sleep(Duration::from_millis(2));
        assert!(!stalled(&stats));
        std::thread::sleep(Duration::from_millis(2));
        assert!(stalled(&stats));
        stats.generated_tokens = 1;
        assert!(!stalled(&stats));
    }
}
