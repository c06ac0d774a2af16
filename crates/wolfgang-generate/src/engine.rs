//! Generation for concurrent callers.

mod handle;
mod options;
mod queue;
mod scheduler;

pub use handle::{GenerationHandle, GenerationStream};
pub use options::EngineOptions;

use crate::{GenerateError, GenerateOptions, Generation, Prompt, WolfgangGenerator};
use queue::{Queue, Request};
use scheduler::Scheduler;
use std::sync::Arc;

/// Runs the generations of concurrent callers in one batch, on a thread of its own.
///
/// [`submit`](Self::submit) can be called from any thread, returns at once, and gives a handle from
/// which the events are read. Each generation gives the text that it gives alone: neither the other
/// requests nor the chunks in which prompts are computed nor cached prefixes change it (bit for bit
/// on the CPU; on other devices logits are equal up to rounding).
///
/// - **Scheduling.** Each forward pass computes the next token of every running generation, and up to
///   [`max_prefill_rows`](EngineOptions::max_prefill_rows) rows of prompts. Requests beyond
///   [`max_running`](EngineOptions::max_running) wait in a queue, in the order of submission; beyond
///   [`max_queued`](EngineOptions::max_queued) they are refused with [`GenerateError::QueueFull`].
/// - **Cancellation.** Dropping a handle cancels its generation before the next forward pass.
/// - **Prefix cache.** KV caches of ended generations are kept up to
///   [`prefix_cache_bytes`](EngineOptions::prefix_cache_bytes). A prompt that begins like one of them
///   is computed from where they differ; [`Summary::cached_tokens`](crate::Summary::cached_tokens)
///   reports how many tokens that saved.
/// - **Errors** of one generation end that generation only, panics of its processors and criteria
///   included. An error of the device ends all that run; the engine goes on with the next requests.
///
/// An engine without requests waits and uses no processor time. `Clone` is cheap; clones submit to
/// the same thread. After the last clone is dropped, the engine finishes the requests that it has,
/// and then its thread ends.
///
/// ```
/// use wolfgang_generate::{Device, Engine, EngineOptions, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let engine = Engine::new(generator, EngineOptions::default())?;
/// let mut options = GenerateOptions::default();
/// options.max_new_tokens = 12;
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
}

/// Closes the queue when the last engine is dropped.
#[derive(Debug)]
struct QueueOwner(Arc<Queue>);

impl Drop for QueueOwner {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What an engine is doing, as of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EngineStats {
    /// Requests that wait for their start.
    pub queued: usize,
    /// Generations in the batch.
    pub running: usize,
    /// Bytes of the KV caches that are kept for later prompts.
    pub prefix_cache_bytes: usize,
}

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    /// [`GenerateError::EngineThread`] if the system gives no thread.
    pub fn new(
        generator: WolfgangGenerator,
        options: EngineOptions,
    ) -> Result<Self, GenerateError> {
        let queue = Arc::new(Queue::new(options.max_queued));
        let mut scheduler = Scheduler::new(Arc::clone(&queue), &options);
        std::thread::Builder::new()
            .name("wolfgang-engine".to_owned())
            .spawn(move || scheduler.run())
            .map_err(|source| GenerateError::EngineThread { source })?;
        Ok(Self {
            generator,
            queue: Arc::new(QueueOwner(queue)),
        })
    }

    /// The generator that computes.
    pub fn generator(&self) -> &WolfgangGenerator {
        &self.generator
    }

    /// Submits a generation. Prompt and options are checked here, on the caller's thread.
    ///
    /// # Errors
    /// As [`WolfgangGenerator::generate`], and [`GenerateError::QueueFull`].
    pub fn submit<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<GenerationHandle, GenerateError> {
        self.submit_generation(self.generator.generate(prompt, options)?)
    }

    /// Submits a generation that was made by [`WolfgangGenerator::generate`], for instance to give it
    /// a processor or a stopping criterion, which then run on the engine's thread. It may be one of
    /// a session, whose cache it then uses instead of the engine's prefix cache.
    ///
    /// # Errors
    /// [`GenerateError::QueueFull`].
    pub fn submit_generation(
        &self,
        generation: Generation,
    ) -> Result<GenerationHandle, GenerateError> {
        let (events, receiver) = async_channel::unbounded();
        let handle = GenerationHandle::new(receiver, &generation);
        self.queue.0.push(Request { generation, events })?;
        Ok(handle)
    }

    /// What the engine is doing.
    pub fn stats(&self) -> EngineStats {
        self.queue.0.stats()
    }
}
