//! KV caches of ended generations, for prompts with a common prefix.

use crate::sequence_cache::{MIN_SHARED_PREFIX, SequenceCache};

/// Caches with a total size of at most `limit` bytes, least recently used first. Memory that several
/// of them share is counted once.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    entries: Vec<SequenceCache>,
    /// Total size of the entries.
    bytes: usize,
    limit: usize,
}

impl PrefixCache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// Total size of the caches in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the cache with the longest common prefix with `ids`, or an empty one. It is moved
    /// out if `ids` continue it, and copied otherwise, because other prompts may need its rest.
    pub(crate) fn lookup(&mut self, ids: &[u32]) -> SequenceCache {
        let common = |entry: &SequenceCache| entry.common_prefix_len(ids);
        let lengths = self.entries.iter().map(common).enumerate();
        let longest = lengths.max_by_key(|(_, length)| *length);
        let Some((at, length)) = longest.filter(|(_, length)| *length > 0) else {
            return SequenceCache::default();
        };
        let is_continued = length == self.entries[at].ids().len();
        if !is_continued && length < MIN_SHARED_PREFIX {
            return SequenceCache::default();
        }
        let entry = self.entries.remove(at);
        if is_continued {
            self.count();
        } else {
            self.entries.push(entry.clone());
        }
        entry
    }

    /// Adds a cache, and drops the least recently used ones until all fit.
    pub(crate) fn insert(&mut self, cache: SequenceCache) {
        if cache.ids().is_empty() || SequenceCache::total_memory_bytes([&cache]) > self.limit {
            return;
        }
        // A cache that is a prefix of another is redundant.
        let contains = |one: &SequenceCache, other: &SequenceCache| {
            one.common_prefix_len(other.ids()) == other.ids().len()
        };
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| contains(entry, &cache))
        {
            let entry = self.entries.remove(at);
            self.entries.push(entry);
            return;
        }
        self.entries.retain(|entry| !contains(&cache, entry));
        self.entries.push(cache);
        self.count();
        while self.bytes > self.limit {
            self.entries.remove(0);
            self.count();
        }
    }

    fn count(&mut self) {
        self.bytes = SequenceCache::total_memory_bytes(&self.entries);
    }
}
