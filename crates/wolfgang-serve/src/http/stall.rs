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
    since: Instant,
}

impl StallDetector {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Seen {
            tokens: 0,
            since: Instant::now(),
        }))
    }

    /// Whether generations are running and no token has been computed for this time, during which
    /// this function was called.
    pub(crate) fn is_stalled(&self, stats: &EngineStats, timeout: Duration) -> bool {
        let tokens = stats.prompt_tokens + stats.cached_tokens + stats.generated_tokens;
        let now = Instant::now();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stats.running == 0 || seen.tokens != tokens {
            *seen = Seen { tokens, since: now };
        }
        now.duration_since(seen.since) > timeout
    }
}
