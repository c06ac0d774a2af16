//! The progress of the requests of a connection.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// The progress of the request of a connection. HTTP/1.1 has one at a time.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    progress: Mutex<Progress>,
    /// The number of connections with a request in progress.
    busy: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Progress {
    /// From the head of a request until its response has been written.
    is_busy: bool,
    /// Whether the body of the last request has been read to its end.
    has_whole_body: bool,
    /// Whether hyper has taken the whole response.
    is_answered: bool,
    /// A body that nothing read to its end.
    rest: Option<Incoming>,
    /// Number of responses that have been written.
    finished: usize,
}

impl Activity {
    /// `busy` counts the connections with a request in progress.
    pub(crate) fn new(busy: Arc<AtomicUsize>) -> Self {
        Self(Arc::new(Shared {
            progress: Mutex::default(),
            busy,
        }))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        let progress = self.0.progress.lock();
        progress.unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins. hyper has taken its whole response when the result is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        let mut progress = self.progress();
        if !progress.is_busy {
            self.0.busy.fetch_add(1, Ordering::Relaxed);
        }
        *progress = Progress {
            is_busy: true,
            finished: progress.finished,
            ..Progress::default()
        };
        ActiveRequest(self.clone())
    }

    /// Everything that hyper has to write has been written. Returns whether it ended a request.
    pub(crate) fn on_written(&self) -> bool {
        let mut progress = self.progress();
        let ends = progress.is_busy && progress.is_answered;
        if ends {
            progress.is_busy = false;
            progress.finished += 1;
            self.0.busy.fetch_sub(1, Ordering::Relaxed);
        }
        ends
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.progress().is_busy
    }

    /// Whether the client has nothing more to send: its request is complete, and the response is not.
    pub(crate) fn is_answering(&self) -> bool {
        let progress = self.progress();
        progress.is_busy && progress.has_whole_body
    }

    /// Whether the client may still be sending the body of the last request.
    pub(crate) fn has_unread_body(&self) -> bool {
        let progress = self.progress();
        (progress.is_busy || progress.finished > 0) && !progress.has_whole_body
    }

    /// Number of responses that have been written.
    pub(crate) fn finished(&self) -> usize {
        self.progress().finished
    }

    /// The body of the request, if it was dropped before its end.
    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        self.progress().rest.take()
    }

    pub(crate) fn on_whole_body(&self) {
        self.progress().has_whole_body = true;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let progress = self.progress.get_mut();
        if progress.unwrap_or_else(PoisonError::into_inner).is_busy {
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A request whose response is not complete.
#[derive(Debug)]
pub(crate) struct ActiveRequest(Activity);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.progress().is_answered = true;
    }
}

/// The body of a request, whose end the connection notices.
pub(crate) struct RequestBody {
    body: Option<Incoming>,
    activity: Activity,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, activity: Activity) -> Self {
        if body.is_end_stream() {
            activity.on_whole_body();
        }
        Self {
            body: Some(body),
            activity,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(context));
        if frame.is_none() || body.is_end_stream() {
            self.activity.on_whole_body();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map(HttpBody::size_hint);
        hint.unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let mut progress = self.activity.progress();
        if !progress.has_whole_body {
            progress.rest = self.body.take();
        }
    }
}

/// The body of a response, at whose end hyper has taken the whole response.
pub(crate) struct ResponseBody {
    pub(crate) body: Body,
    pub(crate) _request: ActiveRequest,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
