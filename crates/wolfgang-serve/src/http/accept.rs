//! The loop that accepts connections, and the end of the server.

use crate::http::state::State;
use crate::http::{connection, routes_with};
use crate::shutdown::Phase;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Time that connections have to close after the last response.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// How often the server checks whether the last response has been sent, while it shuts down.
const DRAIN_INTERVAL: Duration = Duration::from_millis(10);

/// A listener that has been bound.
#[derive(Debug)]
pub(crate) struct Listening(pub(crate) std::net::TcpListener);

/// Serves until the shutdown is complete.
pub(crate) async fn serve(state: State, listener: Listening) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener.0)?;
    let router = routes_with(state.clone());
    let slots = Arc::new(Semaphore::new(state.options.max_connections));
    let busy = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    {
        let mut drained = pin!(drain(&state, &busy));
        loop {
            // The listener stays open while requests finish, so that `/ready` is answered.
            let accept = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (listener.accept().await, slot)
            };
            tokio::select! {
                () = &mut drained => break,
                Some(_) = connections.join_next() => {}
                (accepted, slot) = accept => match accepted {
                    Ok((stream, _)) => {
                        let (state, router, busy) = (state.clone(), router.clone(), busy.clone());
                        connections.spawn(async move {
                            connection::serve(state, router, stream, busy).await;
                            drop(slot);
                        });
                    }
                    // A client that is gone already, or too many open files.
                    Err(_) => tokio::time::sleep(DRAIN_INTERVAL).await,
                },
            }
        }
    }
    drop(listener);
    state.shutdown.advance(Phase::Aborting);
    let closed = async { while connections.join_next().await.is_some() {} };
    // Connections that are still open have lost their clients.
    let _ = tokio::time::timeout(CLOSING_TIME, closed).await;
    Ok(())
}

/// Waits for a shutdown, and then until the responses have been sent, at most for the time they
/// have. `busy` counts the connections with a request in progress.
async fn drain(state: &State, busy: &AtomicUsize) {
    state.shutdown.reached(Phase::Draining).await;
    let finished = async {
        while busy.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(DRAIN_INTERVAL).await;
        }
    };
    // After the timeout, the rest is cancelled.
    let _ = tokio::time::timeout(state.options.shutdown_timeout, finished).await;
}
