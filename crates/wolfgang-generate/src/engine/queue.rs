//! The queue of requests between the callers and the engine's thread.

use super::stats::EngineStats;
use crate::{Event, GenerateError, Generation};
use async_channel::Sender;
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A generation and the channel for its events.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) generation: Generation,
    pub(super) events: Sender<Result<Event, GenerateError>>,
    /// Whether only the last event is sent.
    pub(super) skips_text: Arc<AtomicBool>,
}

/// A bounded queue of requests.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signals a new request or the end of the queue.
    changed: Condvar,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Request>,
    is_closed: bool,
    /// Whether the engine's thread has ended.
    is_abandoned: bool,
    /// As last reported by the engine's thread. `queued` is not used.
    stats: EngineStats,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request, unless the queue is full.
    pub(super) fn push(&self, request: Request) -> Result<(), GenerateError> {
        let mut state = self.lock();
        if state.is_abandoned {
            return Err(GenerateError::EngineStopped);
        }
        if state.is_closed {
            return Err(GenerateError::EngineClosed);
        }
        if state.waiting.len() >= self.limit {
            let limit = self.limit;
            return Err(GenerateError::QueueFull { limit });
        }
        state.waiting.push_back(request);
        self.changed.notify_one();
        Ok(())
    }

    /// Removes the requests whose handles were dropped.
    pub(super) fn remove_abandoned(&self) {
        let mut state = self.lock();
        let is_abandoned = |request: &Request| request.events.is_closed();
        if !state.waiting.iter().any(is_abandoned) {
            return;
        }
        let waiting = std::mem::take(&mut state.waiting).into_iter();
        let (abandoned, waiting): (VecDeque<_>, _) = waiting.partition(is_abandoned);
        state.waiting = waiting;
        // A request holds code of its caller, which must not run with the lock held.
        drop(state);
        drop(abandoned);
    }

    /// Closes the queue: further requests are refused.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Removes and returns the requests that can start: the oldest, up to `room`, and all cancelled
    /// ones. If nothing is running, waits for a request. Returns `None` if the queue is closed and
    /// empty.
    pub(super) fn take(&self, stats: EngineStats, room: usize) -> Option<Vec<Request>> {
        let mut state = self.lock();
        state.stats = stats;
        while stats.running == 0 && state.waiting.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let room = room.min(state.waiting.len());
        let mut taken: Vec<Request> = state.waiting.drain(..room).collect();
        let is_cancelled = |request: &Request| request.generation.cancel_handle().is_cancelled();
        if state.waiting.iter().any(is_cancelled) {
            let waiting = std::mem::take(&mut state.waiting);
            let (cancelled, waiting): (VecDeque<_>, _) =
                waiting.into_iter().partition(is_cancelled);
            taken.extend(cancelled);
            state.waiting = waiting;
        }
        state.stats.running += taken.len();
        Some(taken)
    }

    /// Drops all requests, and refuses further ones. Their handles report
    /// [`GenerateError::EngineStopped`].
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_abandoned = true;
        state.stats.running = 0;
        state.stats.kv_cache_bytes = 0;
        state.stats.prefix_cache_bytes = 0;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }

    pub(super) fn stats(&self) -> EngineStats {
        let state = self.lock();
        EngineStats {
            queued: state.waiting.len(),
            is_stopped: state.is_abandoned,
            ..state.stats
        }
    }
}
