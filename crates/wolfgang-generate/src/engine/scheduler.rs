//! The engine's thread.

use super::EngineOptions;
use super::queue::{Queue, Request};
use crate::prefix_cache::PrefixCache;
use crate::sequence_cache::CacheSlot;
use crate::{Batch, Event, GenerateError, WolfgangGenerator};
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
}

struct Running {
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
        }
    }

    /// Runs until the queue is closed and all requests are finished.
    pub(super) fn run(&mut self) {
        loop {
            let running = self.running.len();
            let room = self.max_running.saturating_sub(running);
            let cached = self.prefix_cache.bytes();
            let Some(requests) = self.queue.take(running, room, cached) else {
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
        let Some(running) = self.running.get(&place) else {
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

impl Drop for Scheduler {
    /// Also when a panic ends the thread: no request may wait for ever.
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
