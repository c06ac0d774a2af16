//! The KV cache of a sequence, and how a session lends it to a generation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wolfgang_model::{BatchEntry, KvCache, ModelError, WolfgangModel};

/// The ids that the model has computed, with their keys and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceCache {
    ids: Vec<u32>,
    /// Allocated when the model first runs.
    cache: Option<KvCache>,
}

/// What a forward pass is to compute of one sequence, from [`SequenceCache::input`].
#[derive(Debug)]
pub(crate) struct Input<'a> {
    /// All ids up to the last one to compute; the cache holds the first of them.
    ids: &'a [u32],
    /// Its keys and values are allocated.
    sequence: &'a mut SequenceCache,
    needs_logits: bool,
}

/// How many ids two sequences begin with in common.
pub(crate) fn common_prefix_len(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

impl SequenceCache {
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Drops what follows the first `len` ids.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.ids.truncate(len);
        if let Some(cache) = &mut self.cache {
            cache.truncate(len);
        }
    }

    /// How many ids of the beginning of `ids` are cached.
    pub(crate) fn common_prefix_len(&self, ids: &[u32]) -> usize {
        common_prefix_len(&self.ids, ids)
    }

    /// How many ids of the beginning of `ids` need not be computed again: at least the last one must
    /// be, for its logits.
    pub(crate) fn reusable_len(&self, ids: &[u32]) -> usize {
        self.common_prefix_len(ids).min(ids.len().saturating_sub(1))
    }

    /// Keeps what of `ids` need not be computed again; returns how many ids that are.
    pub(crate) fn reuse_prefix(&mut self, ids: &[u32]) -> usize {
        let kept = self.reusable_len(ids);
        self.truncate(kept);
        kept
    }

    /// The input of a forward pass that computes those of `ids` that are not cached: the cache holds
    /// the first of them, but not all. Its logits are those of the last id.
    pub(crate) fn input<'a>(
        &'a mut self,
        model: &WolfgangModel,
        ids: &'a [u32],
        needs_logits: bool,
    ) -> Result<Input<'a>, ModelError> {
        if self.cache.is_none() {
            self.cache = Some(model.new_cache()?);
        }
        Ok(Input {
            ids,
            sequence: self,
            needs_logits,
        })
    }

    /// Bytes that keys and values take in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.cache.as_ref().map_or(0, KvCache::memory_bytes)
    }

    /// Computes what is not cached yet of several sequences, in one forward pass. Returns the logits of
    /// the last id of each, `[vocab_size]`, empty where none are needed.
    pub(crate) fn forward(
        model: &WolfgangModel,
        mut sequences: Vec<Input<'_>>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let batch = sequences.iter_mut().filter_map(|input| {
            let SequenceCache { ids: cached, cache } = &mut *input.sequence;
            let ids = &input.ids[cached.len()..];
            let entry = BatchEntry::new(ids, cache.as_mut()?);
            Some(entry.with_needs_logits(input.needs_logits))
        });
        let logits = model.forward_batch(&mut batch.collect::<Vec<_>>());
        for Input { ids, sequence, .. } in sequences {
            if logits.is_ok() {
                let cached = sequence.ids.len();
                sequence.ids.extend_from_slice(&ids[cached..]);
            } else {
                // A failed pass may leave the cache half-written.
                *sequence = Self::default();
            }
        }
        logits
    }

    /// The logits of each position of `ids` that is not cached yet, `[n, vocab_size]`, row by row.
    pub(crate) fn all_logits(
        &mut self,
        model: &WolfgangModel,
        ids: &[u32],
    ) -> Result<Vec<f32>, ModelError> {
        let new = &ids[self.ids.len()..];
        let mut cache = match self.cache.take() {
            Some(cache) => cache,
            None => model.new_cache()?,
        };
        let logits = model.forward_cached_all(new, &mut cache);
        if logits.is_ok() {
            self.ids.extend_from_slice(new);
            self.cache = Some(cache);
        } else {
            // A failed pass may leave the cache half-written.
            *self = Self::default();
        }
        logits
    }
}

/// Where a session keeps its cache while no generation uses it.
#[derive(Debug, Default)]
pub(crate) struct CacheSlot(Mutex<SequenceCache>);

impl CacheSlot {
    pub(crate) fn take(&self) -> SequenceCache {
        std::mem::take(&mut *self.lock())
    }

    pub(crate) fn put(&self, cache: SequenceCache) {
        *self.lock() = cache;
    }

    pub(crate) fn new(cache: SequenceCache) -> Self {
        Self(Mutex::new(cache))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SequenceCache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cache of one generation. If it belongs to a session, the session's is taken when the
/// generation starts, and given back when it ends or is dropped: the lock is taken twice per
/// generation, never per token. A second generation that starts meanwhile finds an empty cache, and
/// computes its whole prompt.
#[derive(Debug, Default)]
pub(crate) struct CacheLease {
    cache: SequenceCache,
    slot: Option<Arc<CacheSlot>>,
    is_taken: bool,
}

impl CacheLease {
    pub(crate) fn new(slot: Arc<CacheSlot>) -> Self {
        Self {
            cache: SequenceCache::default(),
            slot: Some(slot),
            is_taken: false,
        }
    }

    /// Lends the cache of this slot, unless the generation has one of a session. Returns whether it
    /// does.
    pub(crate) fn set_slot(&mut self, slot: Arc<CacheSlot>) -> bool {
        let is_free = self.slot.is_none();
        if is_free {
            self.slot = Some(slot);
        }
        is_free
    }

    pub(crate) fn get(&self) -> &SequenceCache {
        &self.cache
    }

    pub(crate) fn get_mut(&mut self) -> &mut SequenceCache {
        &mut self.cache
    }

    /// Takes the session's cache.
    pub(crate) fn take(&mut self) {
        if let Some(slot) = &self.slot {
            self.cache = slot.take();
            self.is_taken = true;
        }
    }

    /// Gives the cache to the session, unless it is empty: one that another generation gave back is
    /// worth more.
    pub(crate) fn give_back(&mut self) {
        if !std::mem::take(&mut self.is_taken) {
            return;
        }
        let cache = std::mem::take(&mut self.cache);
        if let Some(slot) = self.slot.take().filter(|_| !cache.ids.is_empty()) {
            slot.put(cache);
        }
    }
}

impl Drop for CacheLease {
    fn drop(&mut self) {
        self.give_back();
    }
}
