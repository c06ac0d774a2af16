//! The load of an engine.

/// A snapshot of the load of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EngineStats {
    /// Number of requests in the queue.
    pub queued: usize,
    /// Number of running generations.
    pub running: usize,
    /// Size of the prefix cache in bytes.
    pub prefix_cache_bytes: usize,
}
