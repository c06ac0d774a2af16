//! Running generations.

use crate::callbacks::{Callbacks, Raised};
use crate::errors::to_exception;
use crate::forked::Owned;
use crate::panic::catch;
use crate::wait::{lock, lock_for_a_while, poll_until_ready};
use futures_core::Stream as _;
use pyo3::prelude::*;
use pythonize::pythonize;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use wolfgang_generate::{
    CancelHandle, Engine, Event, GenerateError, Generation, GenerationStream, Summary,
};

type Item = Result<Event, GenerateError>;

/// What produces the events of a stream.
enum Source {
    /// A generation that is submitted when the stream is first advanced.
    Unstarted(Box<Generation>, Engine),
    /// A generation in an engine.
    Engine(GenerationStream),
    /// A generation with callbacks, or a reply: it runs on the thread that advances it.
    Inline(Box<dyn Iterator<Item = Item> + Send>),
    /// The end, an error or `close`.
    Over,
}

impl Source {
    /// Submits an unstarted generation.
    fn start(&mut self) {
        if !matches!(self, Self::Unstarted(..)) {
            return;
        }
        if let Self::Unstarted(generation, engine) = std::mem::replace(self, Self::Over) {
            *self = match engine.submit_generation(*generation) {
                Ok(handle) => Self::Engine(handle.into_stream()),
                Err(error) => Self::Inline(Box::new(std::iter::once(Err(error)))),
            };
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.start();
        match self {
            Self::Unstarted(..) | Self::Over => Poll::Ready(None),
            Self::Engine(stream) => Pin::new(stream).poll_next(context),
            Self::Inline(events) => Poll::Ready(events.next()),
        }
    }
}

/// A running generation: an iterator of events, which any thread can advance.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
pub(crate) struct Stream {
    source: Owned<Mutex<Source>>,
    cancel_handle: CancelHandle,
    seed: u64,
    is_closed: AtomicBool,
    raised: Raised,
    summary: Mutex<Option<Summary>>,
}

/// The text, the ids, the log-probabilities and the explanations of an event.
type Piece<'py> = (
    String,
    Vec<u32>,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
);

impl Stream {
    /// A stream that runs in the engine, or, with callbacks, on the threads that advance it.
    pub(crate) fn new(generation: Generation, engine: Engine, callbacks: Callbacks) -> Self {
        let (cancel_handle, seed) = (generation.cancel_handle(), generation.seed());
        let raised = callbacks.raised();
        let source = if callbacks.is_empty() {
            Source::Unstarted(Box::new(generation), engine)
        } else {
            Source::Inline(Box::new(callbacks.add_to(generation)))
        };
        Self::of(source, cancel_handle, seed, raised)
    }

    /// A stream of the events of an iterator.
    pub(crate) fn inline(
        events: impl Iterator<Item = Item> + Send + 'static,
        cancel_handle: CancelHandle,
        seed: u64,
        raised: Raised,
    ) -> Self {
        Self::of(
            Source::Inline(Box::new(events)),
            cancel_handle,
            seed,
            raised,
        )
    }

    fn of(source: Source, cancel_handle: CancelHandle, seed: u64, raised: Raised) -> Self {
        Self {
            source: Owned::new(Mutex::new(source)),
            cancel_handle,
            seed,
            is_closed: AtomicBool::new(false),
            raised,
            summary: Mutex::default(),
        }
    }

    fn next_item(&self, py: Python<'_>) -> PyResult<Option<Item>> {
        let source = self.source.get("the stream")?;
        poll_until_ready(py, |context| {
            // The waker is not registered while another thread has the lock, so this
            // polls again after the interval.
            let Some(mut source) = lock_for_a_while(source) else {
                return Poll::Pending;
            };
            if self.is_closed.load(Ordering::Acquire) {
                *source = Source::Over;
            }
            let polled = source.poll(context);
            if matches!(
                polled,
                Poll::Ready(None | Some(Err(_) | Ok(Event::Finished(_))))
            ) {
                *source = Source::Over;
            }
            polled
        })
    }

    /// Returns the next event, or `None` at the end.
    fn next_event(&self, py: Python<'_>) -> PyResult<Option<Event>> {
        let item = match self.next_item(py) {
            Ok(item) => item,
            Err(signal) => {
                self.end();
                return Err(signal);
            }
        };
        if let Some(error) = lock(&self.raised).take() {
            self.end();
            return Err(error);
        }
        match item {
            Some(Ok(Event::Finished(summary))) => {
                *lock(&self.summary) = Some(summary);
                Ok(None)
            }
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(self.failed(py, &error)),
            None => Ok(None),
        }
    }

    /// Cancels the generation and releases it.
    fn end(&self) {
        self.cancel_handle.cancel();
        self.is_closed.store(true, Ordering::Release);
        // Another thread that advances the stream releases it.
        if let Ok(source) = self.source.get("the stream")
            && let Ok(mut source) = source.try_lock()
        {
            *source = Source::Over;
        }
    }

    /// Submits the generation to its engine now, instead of when the stream is first advanced.
    pub(crate) fn submit(&self) {
        if let Ok(source) = self.source.get("the stream") {
            lock(source).start();
        }
    }

    /// Runs to the end and returns the summary.
    pub(crate) fn into_summary(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        self.submit();
        let source = std::mem::replace(&mut *lock(self.source.get("the stream")?), Source::Over);
        match source {
            // The engine does not wake this thread for every token.
            Source::Engine(stream) => {
                let mut summary = Box::pin(stream.into_summary());
                let summary = poll_until_ready(py, |context| summary.as_mut().poll(context))?;
                let summary = summary.map_err(|error| self.failed(py, &error))?;
                Ok(pythonize(py, &summary)?)
            }
            source => {
                *lock(self.source.get("the stream")?) = source;
                while self.next_event(py)?.is_some() {}
                self.summary(py)
            }
        }
    }

    /// Stores the summary of the text before an error, and converts the error.
    fn failed(&self, py: Python<'_>, error: &GenerateError) -> PyErr {
        let exception = to_exception(error);
        if let GenerateError::GenerationFailed { partial, .. } = error {
            *lock(&self.summary) = Some((**partial).clone());
            let attribute = self.summary(py);
            let set =
                attribute.and_then(|summary| exception.value(py).setattr("_partial", summary));
            if let Err(error) = set {
                return error;
            }
        }
        exception
    }
}

#[pymethods]
impl Stream {
    /// Returns the next piece, or `None` at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Piece<'py>>> {
        catch(|| {
            loop {
                match self.next_event(py)? {
                    None => return Ok(None),
                    Some(Event::Text {
                        text,
                        ids,
                        logprobs,
                        explanations,
                        ..
                    }) => {
                        let logprobs = match logprobs.is_empty() {
                            true => None,
                            false => Some(pythonize(py, &logprobs)?),
                        };
                        let explanations = match explanations.is_empty() {
                            true => None,
                            false => Some(pythonize(py, &explanations)?),
                        };
                        return Ok(Some((text, ids, logprobs, explanations)));
                    }
                    // They are in the summary.
                    Some(_) => {}
                }
            }
        })
    }

    /// Cancels the generation: the next pieces are the buffered text.
    fn cancel(&self) {
        self.cancel_handle.cancel();
    }

    /// Cancels the generation, and ends the stream.
    fn close(&self) -> PyResult<()> {
        catch(|| {
            self.end();
            Ok(())
        })
    }

    /// Returns the summary, or `None` before the end.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        catch(|| {
            // Creating objects can run other Python code, which must not find the lock held.
            let summary = lock(&self.summary).clone();
            Ok(pythonize(py, &summary)?)
        })
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.seed
    }
}
