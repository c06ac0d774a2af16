//! Options of an engine.

use std::num::NonZeroUsize;

/// Options of an [`Engine`](super::Engine).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct EngineOptions {
    /// Maximum number of generations that run at the same time. Each has a KV cache, which grows
    /// with its text up to the context. 0 is treated as 1. Default: 16.
    pub max_running: usize,
    /// Maximum number of requests in the queue; more are refused. 0 refuses all requests.
    /// Requests leave the queue between two forward passes, so a burst can fill it while few run.
    /// Default: 256.
    pub max_queued: usize,
    /// Maximum number of prompt rows in a forward pass, in addition to one row for each decoding
    /// generation. Lower values delay the tokens of decoding generations less; higher values
    /// compute prompts faster. While none decodes, a pass has at least 256 rows. With `None`, a
    /// pass computes whole prompts. Default: 16.
    pub max_prefill_rows: Option<NonZeroUsize>,
    /// Maximum size of the prefix cache (KV caches of ended generations) in bytes. 0 turns it off.
    /// Default: 256 MiB.
    pub prefix_cache_bytes: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_running: 16,
            max_queued: 256,
            max_prefill_rows: NonZeroUsize::new(16),
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
