//! Limits of an engine.

use std::num::NonZeroUsize;

/// Limits of an [`Engine`](super::Engine).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct EngineOptions {
    /// Generations that run at the same time, at least 1. Each has a KV cache for the whole context.
    /// Default 16.
    pub max_running: usize,
    /// Requests that may wait for their start; one more is refused. Default 256.
    pub max_queued: usize,
    /// Rows of prompts that one forward pass computes, beside a row for each generation that
    /// decodes. Fewer rows delay the tokens of other generations less; more rows compute prompts
    /// faster. `None` computes whole prompts. Default 64.
    pub max_prefill_rows: Option<NonZeroUsize>,
    /// Bytes for KV caches of ended generations; 0 keeps none. Default 256 MiB.
    pub prefix_cache_bytes: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_running: 16,
            max_queued: 256,
            max_prefill_rows: NonZeroUsize::new(64),
            prefix_cache_bytes: 256 << 20,
        }
    }
}

impl EngineOptions {
    /// Sets [`max_running`](Self::max_running).
    #[must_use]
    pub fn with_max_running(mut self, generations: usize) -> Self {
        self.max_running = generations;
        self
    }

    /// Sets [`max_queued`](Self::max_queued).
    #[must_use]
    pub fn with_max_queued(mut self, requests: usize) -> Self {
        self.max_queued = requests;
        self
    }

    /// Sets [`max_prefill_rows`](Self::max_prefill_rows).
    #[must_use]
    pub fn with_max_prefill_rows(mut self, rows: impl Into<Option<NonZeroUsize>>) -> Self {
        self.max_prefill_rows = rows.into();
        self
    }

    /// Sets [`prefix_cache_bytes`](Self::prefix_cache_bytes).
    #[must_use]
    pub fn with_prefix_cache_bytes(mut self, bytes: usize) -> Self {
        self.prefix_cache_bytes = bytes;
        self
    }
}
