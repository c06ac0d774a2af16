//! The receiving side of a connection.
//!
//! hyper stops reading while a response is in progress and bytes follow the request, so that it does
//! not notice when the client closes the connection. Therefore bytes are read ahead of it.

use std::io::Result;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

/// Maximum number of bytes that are read ahead of hyper.
const MAX_AHEAD: usize = 1 << 16;

/// Size of a read.
const READ_SIZE: usize = 4096;

/// The receiving side of a connection, shared by hyper and by the task of the connection.
#[derive(Clone, Debug)]
pub(crate) struct Received(Arc<Mutex<Source>>);

#[derive(Debug)]
struct Source {
    socket: OwnedReadHalf,
    /// Bytes that hyper has not read.
    ahead: Vec<u8>,
}

impl Source {
    /// Reads from the socket and appends to `ahead`. Returns the number of bytes; 0 is the end.
    fn poll_append(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        let mut space = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut space);
        std::task::ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer))?;
        self.ahead.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl Received {
    pub(crate) fn new(socket: OwnedReadHalf) -> Self {
        Self(Arc::new(Mutex::new(Source {
            socket,
            ahead: Vec::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads for hyper.
    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let mut source = self.lock();
        if source.ahead.is_empty() {
            return Pin::new(&mut source.socket).poll_read(context, buffer);
        }
        let n = source.ahead.len().min(buffer.remaining());
        buffer.put_slice(&source.ahead[..n]);
        source.ahead.drain(..n);
        Poll::Ready(Ok(()))
    }

    /// Ready when the client has closed the connection, or has sent so much after its request that
    /// its end could no longer be noticed.
    pub(crate) fn poll_gone(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut source = self.lock();
        while source.ahead.len() < MAX_AHEAD {
            match std::task::ready!(source.poll_append(context)) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        Poll::Ready(())
    }

    /// Reads and drops what the client sends, until it closes the connection, at most this many
    /// bytes in this time. A connection that is closed with unread bytes is reset, and the client
    /// can lose a response that it has not read.
    pub(crate) async fn discard(&self, limit: usize, time: Duration) {
        let mut left = limit;
        let end = std::future::poll_fn(|context| {
            let mut source = self.lock();
            loop {
                source.ahead.clear();
                let read = std::task::ready!(source.poll_append(context));
                match read
                    .ok()
                    .filter(|n| *n > 0)
                    .and_then(|n| left.checked_sub(n))
                {
                    Some(rest) => left = rest,
                    None => return Poll::Ready(()),
                }
            }
        });
        // The connection is closed in any case.
        let _ = tokio::time::timeout(time, end).await;
    }
}
