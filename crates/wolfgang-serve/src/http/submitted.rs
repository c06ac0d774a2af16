//! Choices in the engine.

use crate::http::state::State;
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wolfgang_generate::{Event, GenerateError, GenerationHandle, GenerationStream, Summary};

/// A choice in the engine.
pub(crate) struct Submitted {
    stream: GenerationStream,
    account: Account,
}

/// Counts a choice once: when it ends, or when it is dropped before.
struct Account {
    state: State,
    start: Instant,
    first_token: Option<Duration>,
    is_counted: bool,
}

impl Account {
    fn finished(&mut self, summary: &Summary) {
        self.is_counted = true;
        let metrics = &self.state.metrics;
        metrics.finished(summary, self.start.elapsed(), self.first_token);
    }

    fn failed(&mut self) {
        self.is_counted = true;
        self.state.metrics.failed();
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.is_counted {
            self.state.metrics.cancelled();
        }
    }
}

impl Submitted {
    pub(crate) fn new(state: &State, handle: GenerationHandle) -> Self {
        Self {
            stream: handle.into_stream(),
            account: Account {
                state: state.clone(),
                start: Instant::now(),
                first_token: None,
                is_counted: false,
            },
        }
    }

    /// Returns the next event, if there is one.
    pub(crate) fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, GenerateError>>> {
        let event = std::task::ready!(Pin::new(&mut self.stream).poll_next(context));
        match &event {
            Some(Ok(Event::Finished(summary))) => self.account.finished(summary),
            Some(Ok(_)) => {
                let elapsed = self.account.start.elapsed();
                self.account.first_token.get_or_insert(elapsed);
            }
            Some(Err(_)) => self.account.failed(),
            None => {}
        }
        Poll::Ready(event)
    }

    pub(crate) async fn into_summary(self) -> Result<Summary, GenerateError> {
        let Self {
            stream,
            mut account,
        } = self;
        let result = stream.into_summary().await;
        match &result {
            Ok(summary) => account.finished(summary),
            Err(_) => account.failed(),
        }
        result
    }
}
