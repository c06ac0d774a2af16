//! A connection with timeouts.
//!
//! hyper has a timeout for the head of a request only, which also limits how long a connection can
//! be idle.

use crate::http::activity::Activity;
use crate::http::received::Received;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::OwnedWriteHalf;
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

/// A stream whose reads and writes fail after a time without progress.
pub(crate) struct TimedStream {
    received: Received,
    socket: OwnedWriteHalf,
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
    pub(crate) fn new(
        received: Received,
        socket: OwnedWriteHalf,
        timeouts: Timeouts,
        activity: Activity,
    ) -> Self {
        Self {
            received,
            socket,
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
        let read = self.received.poll_read(context, buffer);
        if self.activity.is_busy() {
            return read;
        }
        let finished = self.activity.finished();
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
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.poll_written(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.poll_written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper flushes when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        std::task::ready!(Pin::new(&mut self.socket).poll_flush(context))?;
        if self.activity.on_written() {
            // hyper does not read again by itself while an earlier read is pending, but the time
            // until the next request must be limited, and its bytes may have been read ahead.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
