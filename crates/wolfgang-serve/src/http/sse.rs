//! Streams of server-sent events.
//!
//! Events of the engine are rendered when the connection accepts bytes, so that a slow reader costs
//! the memory of the events only, and does not stop the engine. Events of a choice that have
//! accumulated become one chunk.

use crate::api::{
    ApiError, ApiRequest, ChoiceBuilder, Envelope, Pieces, Route, Usage, error_event,
};
use crate::http::admission::{Admitted, Permit};
use crate::http::backlog::Backlog;
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

/// Number of names of tokens that are rendered in one poll, on the thread of the connections. Then
/// others have their turn.
const NAMES_PER_POLL: usize = 1024;

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
    /// Number of choices that have not ended.
    running: usize,
    backlog: Option<Backlog>,
    usage: Usage,
    progress: Progress,
    aborted: Pin<Box<dyn Future<Output = ()> + Send>>,
    ping: Pin<Box<Sleep>>,
    /// The turn of others.
    pause: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The place of the response among those that have not been sent.
    _permit: Permit,
}

struct Choice {
    builder: ChoiceBuilder,
    /// What has not been rendered because something is missing.
    pieces: Pieces,
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
        admitted: Admitted,
        id: &str,
    ) -> Self {
        let choice = |index| Choice {
            builder: ChoiceBuilder::new(index, &request),
            pieces: Pieces::default(),
        };
        let shutdown = state.shutdown.clone();
        Self {
            envelope: Envelope::new(&request, &state.context, id),
            choices: (0..submitted.len()).map(choice).collect(),
            running: submitted.len(),
            backlog: Some(Backlog::new(submitted, admitted.engine)),
            usage: Usage::default(),
            progress: Progress::New,
            aborted: Box::pin(async move { shutdown.reached(Phase::Aborting).await }),
            ping: Box::pin(tokio::time::sleep(state.options.ping_interval)),
            pause: None,
            _permit: admitted.response,
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

    /// Renders pieces of a choice, and what waited for them.
    fn render(&mut self, at: usize, next: Pieces, out: &mut String) {
        let choice = &mut self.choices[at];
        if let Some(summary) = &next.end {
            self.usage.add(summary, at.is_multiple_of(self.request.n));
            self.running -= 1;
        }
        choice.pieces.append(next);
        let builder = &mut choice.builder;
        if !builder.is_complete(&choice.pieces) {
            return;
        }
        let pieces = std::mem::take(&mut choice.pieces);
        for chunk in builder.chunks(pieces, &self.request, &self.state.context) {
            self.write(out, chunk);
        }
    }

    /// Renders pieces until nothing is left or it takes too long.
    fn poll_pieces(&mut self, context: &mut Context<'_>, out: &mut String) -> Result<(), ApiError> {
        let mut names = 0;
        while let Some(backlog) = &self.backlog
            && self.running > 0
        {
            if names >= NAMES_PER_POLL {
                self.pause = Some(Box::pin(tokio::task::yield_now()));
                return Ok(());
            }
            let Poll::Ready(next) = backlog.poll_next(context) else {
                let is_aborted = self.aborted.as_mut().poll(context).is_ready();
                return match is_aborted {
                    true => Err(ApiError::shutting_down()),
                    false => Ok(()),
                };
            };
            let (at, pieces) = next?;
            names += pieces.names;
            self.render(at, pieces, out);
        }
        Ok(())
    }

    /// Renders some of what there is, and the end if nothing is left to come.
    fn poll_chunks(&mut self, context: &mut Context<'_>, out: &mut String) {
        if self.progress == Progress::New {
            self.begin(out);
        }
        let result = self.poll_pieces(context, out);
        let is_over = self.running == 0;
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
            self.backlog = None;
        }
    }
}

impl Stream for SseBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.progress == Progress::Over {
            return Poll::Ready(None);
        }
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
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
