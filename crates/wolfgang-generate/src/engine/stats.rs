//! The load of an engine.

/// A snapshot of the load of an engine, and the number of tokens since its start. Numbers of tokens
/// never decrease. They and the sizes are those after the last forward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EngineStats {
    /// Number of requests in the queue.
    pub queued: usize,
    /// Number of running generations.
    pub running: usize,
    /// Size of the KV caches of the running generations in bytes.
    pub kv_cache_bytes: usize,
    /// Size of the prefix cache in bytes.
    pub prefix_cache_bytes: usize,
    /// Number of prompt tokens that were computed.
    pub prompt_tokens: u64,
    /// Number of prompt tokens that were not recomputed, because they were in a cache.
    pub cached_tokens: u64,
    /// Number of generated tokens, as [`Summary::generated_tokens`](crate::Summary) counts them.
    pub generated_tokens: u64,
    /// Whether the thread of the engine has ended, after which all requests fail.
    pub is_stopped: bool,
}
