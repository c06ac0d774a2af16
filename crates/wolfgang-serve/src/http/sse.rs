//! Streams of server-sent events.
//!
//! Events of the engine are rendered when the connection accepts bytes, so that a slow reader costs
//! the memory of the events, at most one per token, and does not stop the engine. Events of a choice
//! that have accumulated become one chunk, rendered on the thread of the connections.

use crate::api::{
    ApiError, ApiRequest, ChoiceBuilder, Envelope, Pieces, Route, Usage, error_event,
};
use crate::http::admission::Permit;
use crate::http::response::set;
use crate::http::state::State;
use crate::http::submitted::Submitted;
use crate::shutdown::Phase;
use axum::body::{Body, Bytes};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use futures_core::Stream;
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep};

const DONE: &str = "data: [DONE]\n\n";

/// A comment, which clients skip.
const PING: &str = ": ping\n\n";

pub(crate) fn response(body: SseBody) -> Response {
    let mut response = Response::new(Body::from_stream(body));
    set(&mut response, CONTENT_TYPE, "text/event-stream");
    set(&mut response, CACHE_CONTROL, "no-store");
    // Makes nginx pass the events on at once.
    let buffering = HeaderName::from_static("x-accel-buffering");
    set(&mut response, buffering, "no");
    response
}

/// The body of a stream. Dropping it cancels its generations.
pub(crate) struct SseBody {
    state: State,
    request: ApiRequest,
    envelope: Envelope,
    choices: Vec<Choice>,
    usage: Usage,
    progress: Progress,
    aborted: Pin<Box<dyn Future<Output = ()> + Send>>,
    ping: Pin<Box<Sleep>>,
    /// The place of the request among those admitted, until the end.
    permit: Option<Permit>,
}

struct Choice {
    builder: ChoiceBuilder,
    /// Events that have not been rendered.
    pieces: Pieces,
    /// `None` after the end.
    submitted: Option<Submitted>,
}

#[derive(PartialEq)]
enum Progress {
    New,
    Begun,
    Over,
}

impl SseBody {
    pub(crate) fn new(
        state: State,
        request: ApiRequest,
        submitted: Vec<Submitted>,
        permit: Permit,
        id: &str,
    ) -> Self {
        let choice = |(index, submitted)| Choice {
            builder: ChoiceBuilder::new(index, &request),
            pieces: Pieces::default(),
            submitted: Some(submitted),
        };
        let shutdown = state.shutdown.clone();
        Self {
            envelope: Envelope::new(&request, &state.context, id),
            choices: submitted.into_iter().enumerate().map(choice).collect(),
            usage: Usage::default(),
            progress: Progress::New,
            aborted: Box::pin(async move { shutdown.reached(Phase::Aborting).await }),
            ping: Box::pin(tokio::time::sleep(state.options.ping_interval)),
            permit: Some(permit),
            state,
            request,
        }
    }

    /// The usage in a chunk of a choice.
    fn usage_so_far(&self) -> Option<Option<Usage>> {
        let form = &self.request.form;
        if !form.include_usage {
            return None;
        }
        if !form.continuous_usage {
            return Some(None);
        }
        let prompt = self.request.prompts.iter().map(Vec::len).sum();
        let generated = self.choices.iter().map(|choice| choice.builder.generated);
        Some(Some(Usage::new(prompt, generated.sum())))
    }

    fn write(&self, out: &mut String, choice: crate::api::Choice) {
        let json = self.envelope.json(vec![choice], self.usage_so_far());
        // Writing to a string cannot fail.
        let _ = write!(out, "data: {json}\n\n");
    }

    fn begin(&mut self, out: &mut String) {
        self.progress = Progress::Begun;
        if self.request.route == Route::Chat {
            for at in 0..self.choices.len() {
                let role = self.choices[at].builder.role();
                self.write(out, role);
            }
        }
    }

    /// Renders the events of a choice that are there.
    fn poll_choice(
        &mut self,
        at: usize,
        context: &mut Context<'_>,
        out: &mut String,
    ) -> Result<(), ApiError> {
        let choice = &mut self.choices[at];
        let Some(submitted) = &mut choice.submitted else {
            return Ok(());
        };
        while let Poll::Ready(Some(event)) = submitted.poll_event(context) {
            choice.pieces.push(event?);
        }
        if let Some(summary) = &choice.pieces.end {
            self.usage.add(summary, at.is_multiple_of(self.request.n));
            choice.submitted = None;
        }
        let builder = &mut choice.builder;
        if !builder.is_complete(&choice.pieces) {
            return Ok(());
        }
        let pieces = std::mem::take(&mut choice.pieces);
        for chunk in builder.chunks(pieces, &self.request, &self.state.context) {
            self.write(out, chunk);
        }
        Ok(())
    }

    /// Renders what there is, and the end if nothing is left to come.
    fn poll_chunks(&mut self, context: &mut Context<'_>, out: &mut String) {
        if self.progress == Progress::New {
            self.begin(out);
        }
        let mut result = Ok(());
        for at in 0..self.choices.len() {
            result = result.and_then(|()| self.poll_choice(at, context, out));
        }
        let is_over = self.choices.iter().all(|choice| choice.submitted.is_none());
        if result.is_ok() && !is_over && self.aborted.as_mut().poll(context).is_ready() {
            result = Err(ApiError::shutting_down());
        }
        if let Err(error) = &result {
            out.push_str(&error_event(error));
        } else if is_over && self.request.form.include_usage {
            let json = self.envelope.json(Vec::new(), Some(Some(self.usage)));
            let _ = write!(out, "data: {json}\n\n");
        }
        if is_over || result.is_err() {
            out.push_str(DONE);
            self.progress = Progress::Over;
            self.choices.clear();
            self.permit = None;
        }
    }
}

impl Stream for SseBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.progress == Progress::Over {
            return Poll::Ready(None);
        }
        let mut out = String::new();
        self.poll_chunks(context, &mut out);
        if out.is_empty() {
            std::task::ready!(self.ping.as_mut().poll(context));
            out.push_str(PING);
        }
        let next = Instant::now() + self.state.options.ping_interval;
        self.ping.as_mut().reset(next);
        Poll::Ready(Some(Ok(Bytes::from(out))))
    }
}
