//! KV caches of finished generations, for prompts that begin alike.

use crate::sequence_cache::SequenceCache;

/// The shortest prefix worth a copy of its cache. A copy takes the time of a few tokens.
const MIN_SHARED_PREFIX: usize = 16;

/// Caches of at most `limit` bytes together, the least recently used first.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    entries: Vec<SequenceCache>,
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

    /// Bytes that the caches take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The cache with the longest prefix in common with `ids`, or an empty one. It is moved out if
    /// `ids` continue all of it, and copied otherwise, for another prompt may need its rest.
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
        let entry = self.remove(at);
        if !is_continued {
            self.push(entry.clone());
        }
        entry
    }

    /// Keeps a cache, and drops those that were not used for longest until all fit.
    pub(crate) fn insert(&mut self, cache: SequenceCache) {
        if cache.ids().is_empty() || cache.memory_bytes() > self.limit {
            return;
        }
        // A cache with all ids of another makes that one useless.
        let contains = |one: &SequenceCache, other: &SequenceCache| {
            one.common_prefix_len(other.ids()) == other.ids().len()
        };
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| contains(entry, &cache))
        {
            let entry = self.remove(at);
            self.push(entry);
            return;
        }
        while let Some(at) = self
            .entries
            .iter()
            .position(|entry| contains(&cache, entry))
        {
            self.remove(at);
        }
        self.push(cache);
        while self.bytes > self.limit {
            self.remove(0);
        }
    }

    fn push(&mut self, cache: SequenceCache) {
        self.bytes += cache.memory_bytes();
        self.entries.push(cache);
    }

    fn remove(&mut self, at: usize) -> SequenceCache {
        let cache = self.entries.remove(at);
        self.bytes -= cache.memory_bytes();
        cache
    }
}
