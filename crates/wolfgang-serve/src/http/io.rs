//! A connection with timeouts.
//!
//! hyper has a timeout for the head of a request only, which also limits how long a connection can
//! be idle.

use axum::body::{Body, Bytes, HttpBody};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For the head of a request, from its first byte, or from the start of the connection.
    pub(crate) header: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// For the client to accept a byte.
    pub(crate) write: Duration,
}

/// Whether a request is in progress on a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity(Arc<Requests>);

#[derive(Debug, Default)]
struct Requests {
    is_busy: AtomicBool,
    /// Number of responses that are complete.
    finished: AtomicUsize,
    /// Wakes the connection at the end of a response: hyper does not read again by itself while an
    /// earlier read is pending, and the time until the next request must be limited.
    reader: Mutex<Option<Waker>>,
}

impl Activity {
    /// A request begins, and ends when the result is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        self.0.is_busy.store(true, Ordering::Relaxed);
        ActiveRequest(self.clone())
    }
}

/// A request in progress.
#[derive(Debug)]
pub(crate) struct ActiveRequest(Activity);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let requests = &self.0.0;
        requests.finished.fetch_add(1, Ordering::Relaxed);
        requests.is_busy.store(false, Ordering::Relaxed);
        let reader = requests.reader.lock();
        if let Some(waker) = reader.unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

/// A body, at whose end the request ends.
pub(crate) struct TrackedBody {
    pub(crate) body: Body,
    pub(crate) _request: ActiveRequest,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose reads and writes fail after a time without progress.
pub(crate) struct TimedStream {
    stream: TcpStream,
    timeouts: Timeouts,
    activity: Activity,
    /// Number of responses when the deadline for reading was set.
    finished: usize,
    has_head_begun: bool,
    read_deadline: Pin<Box<Sleep>>,
    write_deadline: Pin<Box<Sleep>>,
    is_writing: bool,
}

impl TimedStream {
    pub(crate) fn new(stream: TcpStream, timeouts: Timeouts, activity: Activity) -> Self {
        Self {
            stream,
            timeouts,
            activity,
            finished: 0,
            has_head_begun: true,
            read_deadline: Box::pin(tokio::time::sleep(timeouts.header)),
            write_deadline: Box::pin(tokio::time::sleep(timeouts.write)),
            is_writing: false,
        }
    }

    /// Fails if a write is pending for too long.
    fn poll_written<T>(
        &mut self,
        result: Poll<Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T>> {
        if result.is_ready() {
            self.is_writing = false;
            return result;
        }
        if !std::mem::replace(&mut self.is_writing, true) {
            let deadline = Instant::now() + self.timeouts.write;
            self.write_deadline.as_mut().reset(deadline);
        }
        std::task::ready!(self.write_deadline.as_mut().poll(context));
        Poll::Ready(Err(timed_out("the client reads nothing")))
    }
}

fn timed_out(message: &str) -> Error {
    Error::new(ErrorKind::TimedOut, message)
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let requests = Arc::clone(&self.activity.0);
        if requests.is_busy.load(Ordering::Relaxed) {
            let reader = requests.reader.lock();
            *reader.unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            return read;
        }
        let finished = requests.finished.load(Ordering::Relaxed);
        if self.finished != finished {
            self.finished = finished;
            self.has_head_begun = false;
            let deadline = Instant::now() + self.timeouts.idle;
            self.read_deadline.as_mut().reset(deadline);
        }
        if read.is_ready() {
            if buffer.filled().len() > before && !self.has_head_begun {
                self.has_head_begun = true;
                let deadline = Instant::now() + self.timeouts.header;
                self.read_deadline.as_mut().reset(deadline);
            }
            return read;
        }
        std::task::ready!(self.read_deadline.as_mut().poll(context));
        Poll::Ready(Err(timed_out("the client sends nothing")))
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.poll_written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
