//! Handles of the generations in an engine.

use super::queue::Queue;
use crate::{CancelHandle, Event, GenerateError, Generation, Summary};
use async_channel::Receiver;
use futures_core::Stream;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

type Item = Result<Event, GenerateError>;

/// A generation in an [`Engine`](super::Engine): a blocking iterator of its [`Event`]s.
///
/// Like a [`Generation`], it ends with one [`Event::Finished`] or one error. Events are buffered
/// without a limit: the generation does not wait for its reader. Dropping the handle cancels the
/// generation, and removes it from the queue at once if it waits there.
#[derive(Debug)]
#[must_use = "a generation is cancelled when its handle is dropped"]
pub struct GenerationHandle {
    // Pinned, as the stream requires.
    events: Pin<Box<Receiver<Item>>>,
    /// Tells the engine to send the end only.
    skips_text: Arc<AtomicBool>,
    seed: u64,
    is_over: bool,
    cancel_on_drop: CancelOnDrop,
}

/// An asynchronous stream of the events of a [`GenerationHandle`], for any executor.
///
/// Dropping the stream cancels the generation.
#[derive(Debug)]
#[must_use = "a generation is cancelled when its stream is dropped"]
pub struct GenerationStream(GenerationHandle);

/// Cancels the generation when the handle is dropped. It is the last field of the handle, so that
/// the channel is already closed.
#[derive(Debug)]
struct CancelOnDrop {
    cancel_handle: CancelHandle,
    queue: Arc<Queue>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel_handle.cancel();
        self.queue.remove_abandoned();
    }
}

impl GenerationHandle {
    pub(super) fn new(
        events: Receiver<Item>,
        skips_text: Arc<AtomicBool>,
        generation: &Generation,
        queue: Arc<Queue>,
    ) -> Self {
        Self {
            events: Box::pin(events),
            skips_text,
            seed: generation.seed(),
            is_over: false,
            cancel_on_drop: CancelOnDrop {
                cancel_handle: generation.cancel_handle(),
                queue,
            },
        }
    }

    /// Returns the seed, either [`GenerateOptions::seed`](crate::GenerateOptions::seed) or a random
    /// one.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns a handle that cancels the generation from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_on_drop.cancel_handle.clone()
    }

    /// Waits for the end and returns the summary, which includes the events read before.
    ///
    /// # Errors
    /// [`GenerateError::GenerationFailed`], with the summary of the text generated before the
    /// error, and [`GenerateError::EngineStopped`], also if the last event has been read before.
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {
        self.skips_text.store(true, Ordering::Relaxed);
        for event in &mut self {
            if let Event::Finished(summary) = event? {
                return Ok(summary);
            }
        }
        Err(GenerateError::EngineStopped)
    }

    /// Converts the handle to an asynchronous stream. It is a separate type because the methods of
    /// `Iterator` and of stream extension traits have the same names.
    pub fn into_stream(self) -> GenerationStream {
        GenerationStream(self)
    }

    /// Handles the result of a receive; `None` is a closed channel.
    fn on_received(&mut self, item: Option<Item>) -> Option<Item> {
        let item = item.unwrap_or(Err(GenerateError::EngineStopped));
        self.is_over = matches!(item, Ok(Event::Finished(_)) | Err(_));
        Some(item)
    }
}

impl Iterator for GenerationHandle {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if self.is_over {
            return None;
        }
        let item = self.events.recv_blocking().ok();
        self.on_received(item)
    }
}

impl FusedIterator for GenerationHandle {}

impl GenerationStream {
    /// Returns the seed, either [`GenerateOptions::seed`](crate::GenerateOptions::seed) or a random
    /// one.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Returns a handle that cancels the generation from another task.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.0.cancel_handle()
    }

    /// Waits for the end and returns the summary, which includes the events read before.
    ///
    /// # Errors
    /// Those of [`GenerationHandle::into_summary`].
    pub async fn into_summary(mut self) -> Result<Summary, GenerateError> {
        self.0.skips_text.store(true, Ordering::Relaxed);
        while !self.0.is_over {
            let item = self.0.events.recv().await.ok();
            if let Some(item) = self.0.on_received(item)
                && let Event::Finished(summary) = item?
            {
                return Ok(summary);
            }
        }
        Err(GenerateError::EngineStopped)
    }
}

impl Stream for GenerationStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.0.is_over {
            return Poll::Ready(None);
        }
        let item = self.0.events.as_mut().poll_next(context);
        item.map(|item| self.0.on_received(item))
    }
}
