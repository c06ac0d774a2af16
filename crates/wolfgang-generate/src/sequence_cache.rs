//! The KV cache of a sequence, and its lease from a session to a generation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wolfgang_model::{BatchEntry, KvCache, ModelError, WolfgangModel};

/// Minimum length of a common prefix that is worth a copy of a cache. On the CPU a copy shares all
/// memory but that of the last positions; on other devices it takes as long as computing a few
/// tokens.
pub(crate) const MIN_SHARED_PREFIX: usize = 16;

/// The ids that the model has computed, and their keys and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct SequenceCache {
    ids: Vec<u32>,
    /// Created when the model first runs.
    cache: Option<KvCache>,
}

/// The input of one sequence to a forward pass, from [`SequenceCache::input`].
#[derive(Debug)]
pub(crate) struct Input<'a> {
    /// All ids up to the last one to compute, including those that are cached.
    ids: &'a [u32],
    /// Keys and values are allocated.
    sequence: &'a mut SequenceCache,
    /// Number of ids at the end whose logits are computed.
    n_logits: usize,
    /// A vector whose memory is used for the logits.
    logits_buffer: Vec<f32>,
}

impl Input<'_> {
    /// Sets the vector whose memory is used for the logits.
    pub(crate) fn with_logits_buffer(mut self, logits_buffer: Vec<f32>) -> Self {
        self.logits_buffer = logits_buffer;
        self
    }
}

/// Length of the common prefix of two sequences.
pub(crate) fn common_prefix_len(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

impl SequenceCache {
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Truncates the cache to `len` ids.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.ids.truncate(len);
        if let Some(cache) = &mut self.cache {
            cache.truncate(len);
        }
    }

    /// Length of the common prefix of the cache and `ids`.
    pub(crate) fn common_prefix_len(&self, ids: &[u32]) -> usize {
        common_prefix_len(&self.ids, ids)
    }

    /// Number of ids at the beginning of `ids` that need not be recomputed. The last id always must
    /// be, for its logits.
    pub(crate) fn reusable_len(&self, ids: &[u32]) -> usize {
        self.common_prefix_len(ids).min(ids.len().saturating_sub(1))
    }

    /// Truncates the cache to the reusable prefix of `ids`, and returns its length.
    pub(crate) fn reuse_prefix(&mut self, ids: &[u32]) -> usize {
        let kept = self.reusable_len(ids);
        self.truncate(kept);
        kept
    }

    /// Returns the input of a forward pass that computes the ids that are not cached. The cache
    /// must contain a proper prefix of `ids`. The logits are those of the last `n_logits` ids.
    pub(crate) fn input<'a>(
        &'a mut self,
        model: &WolfgangModel,
        ids: &'a [u32],
        n_logits: usize,
    ) -> Result<Input<'a>, ModelError> {
        let cache = match &mut self.cache {
            Some(cache) => cache,
            none => none.insert(model.new_cache()?),
        };
        // An allocation during the pass could fail for all of its sequences.
        cache.reserve(ids.len() - self.ids.len())?;
        Ok(Input {
            ids,
            sequence: self,
            n_logits,
            logits_buffer: Vec::new(),
        })
    }

    /// Size of keys and values of several sequences in bytes. Memory that they share is counted
    /// once.
    pub(crate) fn total_memory_bytes<'a>(all: impl IntoIterator<Item = &'a Self>) -> usize {
        KvCache::total_memory_bytes(all.into_iter().filter_map(|one| one.cache.as_ref()))
    }

    /// Computes the uncached ids of several sequences in one forward pass. Returns the logits of
    /// each, `[n_logits, vocab_size]`, row by row.
    pub(crate) fn forward(
        model: &WolfgangModel,
        mut sequences: Vec<Input<'_>>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let batch = sequences.iter_mut().filter_map(|input| {
            let SequenceCache { ids: cached, cache } = &mut *input.sequence;
            let ids = &input.ids[cached.len()..];
            let entry = BatchEntry::new(ids, cache.as_mut()?);
            let buffer = std::mem::take(&mut input.logits_buffer);
            let entry = entry.with_n_logits(input.n_logits);
            Some(entry.with_logits_buffer(buffer))
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
}

/// Where a generation takes its cache from and returns it to: that of a session, or one that an
/// engine makes for the request.
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

/// The cache of one generation.
///
/// The cache of a session is taken when the generation starts, and returned when it ends or is
/// dropped: the lock is taken twice per generation, never per token. A second generation that
/// starts in between finds an empty cache and computes its whole prompt.
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

    /// Returns whether the cache belongs to no slot.
    pub(crate) fn is_own(&self) -> bool {
        self.slot.is_none()
    }

    /// Takes the cache from this slot later, at the start.
    pub(crate) fn set_slot(&mut self, slot: Arc<CacheSlot>) {
        self.slot = Some(slot);
    }

    pub(crate) fn get(&self) -> &SequenceCache {
        &self.cache
    }

    pub(crate) fn get_mut(&mut self) -> &mut SequenceCache {
        &mut self.cache
    }

    /// Takes the cache from the slot.
    pub(crate) fn take(&mut self) {
        if let Some(slot) = &self.slot {
            self.cache = slot.take();
            self.is_taken = true;
        }
    }

    /// Returns the cache to the slot, unless it is empty: the slot may hold the cache of another
    /// generation.
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
