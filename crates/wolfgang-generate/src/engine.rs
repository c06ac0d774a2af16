//! The engine: generation for concurrent callers.

mod handle;
mod options;
mod queue;
mod scheduler;
mod stats;

pub use handle::{GenerationHandle, GenerationStream};
pub use options::EngineOptions;
pub use stats::EngineStats;

use crate::{
    CancelHandle, Event, GenerateError, GenerateOptions, Generation, Prompt, WolfgangGenerator,
};
use queue::{Queue, Request};
use scheduler::Scheduler;
use std::sync::Arc;

/// Runs the generations of concurrent callers in one batch, on a dedicated thread.
///
/// [`submit`](Self::submit) can be called from any thread, does not wait for the generation, and
/// returns a handle that yields the events. Each generation returns the same text as alone: other
/// requests, prefill in chunks and the prefix cache do not change it (bit for bit on the CPU; on
/// other devices logits are equal up to rounding).
///
/// - **Scheduling.** Each forward pass computes the next token of every running generation, and up
///   to [`max_prefill_rows`](EngineOptions::max_prefill_rows) rows of prompts. Requests beyond
///   [`max_running`](EngineOptions::max_running) wait in a first-in, first-out queue. Requests
///   beyond [`max_queued`](EngineOptions::max_queued) are refused with
///   [`GenerateError::QueueFull`].
/// - **Cancellation.** Dropping a handle cancels its generation before the next forward pass; one
///   that waits leaves the queue at once. [`close`](Self::close) and [`abort`](Self::abort) end the
///   engine with and without finishing the submitted requests.
/// - **Prefix cache.** KV caches of ended generations are kept, up to
///   [`prefix_cache_bytes`](EngineOptions::prefix_cache_bytes). If a prompt continues one of them,
///   or shares a prefix of at least 16 tokens with it, only the remaining tokens are computed.
///   [`Summary::cached_tokens`](crate::Summary::cached_tokens) is the number of tokens saved.
/// - **Errors.** An error of one generation, including a panic of its processors or stopping
///   criteria, ends only that generation. An error of the model ends all generations in that
///   forward pass; the engine continues with the next requests.
///
/// An idle engine uses no processor time. `Clone` is cheap, and clones submit to the same thread.
/// When the last clone is dropped, the engine finishes the submitted requests, then its thread
/// ends.
///
/// ```
/// use wolfgang_generate::{Device, Engine, EngineOptions, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let engine = Engine::new(generator, EngineOptions::default())?;
/// let options = GenerateOptions::default().with_max_new_tokens(12);
/// let callers = ["Habe nun, ach!", "Wer reitet so spät"].map(|prompt| {
///     let (engine, options) = (engine.clone(), options.clone());
///     std::thread::spawn(move || engine.submit(prompt, &options)?.into_summary())
/// });
/// for caller in callers {
///     println!("{}", caller.join().expect("no panic")?.text);
/// }
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    generator: WolfgangGenerator,
    queue: Arc<QueueOwner>,
    /// Cancels all requests.
    cancel_handle: CancelHandle,
}

/// Closes the queue when the last engine is dropped.
#[derive(Debug)]
struct QueueOwner(Arc<Queue>);

impl Drop for QueueOwner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Engine {
    /// Starts an engine and its thread.
    ///
    /// # Errors
    /// [`GenerateError::EngineThread`] if the thread cannot be started.
    pub fn new(
        generator: WolfgangGenerator,
        options: EngineOptions,
    ) -> Result<Self, GenerateError> {
        let queue = Arc::new(Queue::new(options.max_queued));
        let mut scheduler = Scheduler::new(generator.clone(), Arc::clone(&queue), &options);
        let cancel_handle = scheduler.cancel_handle();
        std::thread::Builder::new()
            .name("wolfgang-engine".to_owned())
            .spawn(move || scheduler.run())
            .map_err(|source| GenerateError::EngineThread { source })?;
        Ok(Self {
            generator,
            queue: Arc::new(QueueOwner(queue)),
            cancel_handle,
        })
    }

    /// Returns the generator that the engine uses.
    pub fn generator(&self) -> &WolfgangGenerator {
        &self.generator
    }

    /// Submits a generation. Prompt and options are validated on the caller's thread.
    ///
    /// # Errors
    /// Those of [`WolfgangGenerator::generate`], [`GenerateError::QueueFull`],
    /// [`GenerateError::EngineClosed`] and [`GenerateError::EngineStopped`].
    pub fn submit<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<GenerationHandle, GenerateError> {
        self.submit_generation(self.generator.generate(prompt, options)?)
    }

    /// Submits a generation created by [`WolfgangGenerator::generate`], for example one with
    /// processors or stopping criteria, which then run on the engine's thread. A generation of a
    /// [`Session`](crate::Session) uses the cache of its session instead of the prefix cache. A
    /// generation of another generator runs without the prefix cache. Of a generation that is over
    /// the handle has the summary only.
    ///
    /// Processors and criteria may submit further requests, but must not wait for their events,
    /// which would stop the engine. Their `Drop` must not panic: it may run on the engine's thread.
    ///
    /// # Errors
    /// [`GenerateError::QueueFull`], [`GenerateError::EngineClosed`] and
    /// [`GenerateError::EngineStopped`].
    pub fn submit_generation(
        &self,
        generation: Generation,
    ) -> Result<GenerationHandle, GenerateError> {
        let (events, receiver) = async_channel::unbounded();
        let skips_text = Arc::default();
        let queue = Arc::clone(&self.queue.0);
        let handle = GenerationHandle::new(receiver, Arc::clone(&skips_text), &generation, queue);
        if generation.is_over() {
            let finished = Event::Finished(generation.into_finished());
            // The handle holds the receiver, and the channel has no limit.
            let _ = events.try_send(Ok(finished));
            return Ok(handle);
        }
        self.queue.0.push(Request {
            generation,
            events,
            skips_text,
        })?;
        Ok(handle)
    }

    /// Refuses further requests with [`GenerateError::EngineClosed`], from all clones of the
    /// engine. Running and queued ones are finished. Does not wait for them.
    pub fn close(&self) {
        self.queue.0.close();
    }

    /// Refuses further requests, as [`close`](Self::close) does, and cancels all running and queued
    /// ones: each ends with [`FinishReason::Cancelled`](crate::FinishReason::Cancelled) before the
    /// next forward pass. Does not wait for them.
    pub fn abort(&self) {
        self.cancel_handle.cancel();
        self.queue.0.close();
    }

    /// Returns the current load of the engine.
    pub fn stats(&self) -> EngineStats {
        self.queue.0.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wolfgang_model::Device;

    #[test]
    fn requests_end_with_an_error_if_the_thread_ends_before_them() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/faust");
        let generator = WolfgangGenerator::from_path(folder, &Device::flex()).unwrap();
        let queue = Arc::new(Queue::new(2));
        let options = EngineOptions::default();
        let scheduler = Scheduler::new(generator.clone(), Arc::clone(&queue), &options);
        let engine = Engine {
            generator,
            queue: Arc::new(QueueOwner(queue)),
            cancel_handle: scheduler.cancel_handle(),
        };
        let waiting = engine.submit("Ach", &GenerateOptions::default()).unwrap();
        drop(scheduler);
        let is_stopped = |error| matches!(error, GenerateError::EngineStopped);
        assert!(is_stopped(waiting.into_summary().unwrap_err()));
        let refused = engine.submit("Ach", &GenerateOptions::default());
        assert!(is_stopped(refused.unwrap_err()));
        let stopped = EngineStats {
            is_stopped: true,
            ..EngineStats::default()
        };
        assert_eq!(engine.stats(), stopped);
    }
}
