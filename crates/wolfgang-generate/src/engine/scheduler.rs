//! The engine's thread.

use super::queue::{Queue, Request};
use super::{EngineOptions, EngineStats};
use crate::generation::Progress;
use crate::prefix_cache::PrefixCache;
use crate::sequence_cache::{CacheSlot, SequenceCache};
use crate::{Batch, CancelHandle, Event, GenerateError, Generation, WolfgangGenerator};
use async_channel::Sender;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Moves requests from the queue into the batch, and events from the batch to the callers.
pub(super) struct Scheduler {
    generator: WolfgangGenerator,
    queue: Arc<Queue>,
    max_running: usize,
    batch: Batch,
    /// By the index in the batch.
    running: HashMap<usize, Running>,
    prefix_cache: PrefixCache,
    stats: EngineStats,
}

struct Running {
    /// As far as they are counted in the statistics.
    progress: Progress,
    events: Sender<Result<Event, GenerateError>>,
    skips_text: Arc<AtomicBool>,
    /// Receives the cache at the end of the generation; `None` if the cache is not for later
    /// prompts.
    slot: Option<Arc<CacheSlot>>,
}

impl Scheduler {
    pub(super) fn new(
        generator: WolfgangGenerator,
        queue: Arc<Queue>,
        options: &EngineOptions,
    ) -> Self {
        Self {
            generator,
            queue,
            max_running: options.max_running.max(1),
            batch: Batch::new().with_max_prefill_rows(options.max_prefill_rows),
            running: HashMap::new(),
            prefix_cache: PrefixCache::new(options.prefix_cache_bytes),
            stats: EngineStats::default(),
        }
    }

    /// Runs until the queue is closed and all requests are finished.
    pub(super) fn run(&mut self) {
        loop {
            self.measure();
            let room = self.max_running.saturating_sub(self.stats.running);
            let Some(requests) = self.queue.take(self.stats, room) else {
                return;
            };
            for request in requests {
                self.start(request);
            }
            self.batch.poll();
            self.deliver_all();
            self.batch.forward();
            self.deliver_all();
        }
    }

    /// Returns a handle that cancels all generations, including those that start later.
    pub(super) fn cancel_handle(&self) -> CancelHandle {
        self.batch.cancel_handle()
    }

    /// Updates the statistics.
    fn measure(&mut self) {
        self.stats.running = self.running.len();
        self.stats.prefix_cache_bytes = self.prefix_cache.bytes();
        let caches = self.batch.generations().map(Generation::cache);
        self.stats.kv_cache_bytes = SequenceCache::total_memory_bytes(caches);
        for (place, generation) in self.batch.generations_with_places() {
            if let Some(running) = self.running.get_mut(&place) {
                running.count(generation.progress(), &mut self.stats);
            }
        }
    }

    fn start(&mut self, request: Request) {
        let Request {
            mut generation,
            events,
            skips_text,
        } = request;
        generation.catch_panics();
        let mut slot = None;
        // Caches of another model would be wrong.
        if std::ptr::eq(generation.model(), self.generator.model()) && generation.needs_cache() {
            let lent = Arc::new(CacheSlot::default());
            if generation.can_adopt_cache() {
                lent.put(self.prefix_cache.lookup(generation.window()));
            }
            generation.set_cache_slot(Arc::clone(&lent));
            slot = Some(lent);
        }
        let place = self.batch.push(generation);
        let running = Running {
            progress: Progress::default(),
            events,
            skips_text,
            slot,
        };
        self.running.insert(place, running);
    }

    fn deliver_all(&mut self) {
        while let Some((place, event)) = self.batch.pop_event() {
            self.deliver(place, event);
        }
    }

    fn deliver(&mut self, place: usize, event: Result<Event, GenerateError>) {
        let Some(running) = self.running.get_mut(&place) else {
            return;
        };
        let is_last = matches!(event, Ok(Event::Finished(_)) | Err(_));
        // To wake a thread for every token costs several percent of the throughput of a small
        // model.
        if !is_last && running.skips_text.load(Ordering::Relaxed) {
            return;
        }
        if is_last && let Some(slot) = &running.slot {
            self.prefix_cache.insert(slot.take());
        }
        // Sending fails if the handle was dropped, which has already cancelled the generation.
        let _ = running.events.try_send(event);
        if is_last {
            self.running.remove(&place);
        }
    }
}

impl Running {
    /// Adds the tokens since the last call to the statistics.
    fn count(&mut self, progress: Progress, stats: &mut EngineStats) {
        let last = std::mem::replace(&mut self.progress, progress);
        let since = |now: usize, last: usize| now.saturating_sub(last) as u64;
        stats.prompt_tokens += since(progress.prompt_tokens, last.prompt_tokens);
        stats.cached_tokens += since(progress.cached_tokens, last.cached_tokens);
        stats.generated_tokens += since(progress.generated_tokens, last.generated_tokens);
    }
}

impl Drop for Scheduler {
    /// Also when a panic ends the thread: no request may wait for ever.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
