//! The loop that accepts connections, and the end of the server.

use crate::http::io::{Activity, TimedStream, Timeouts, TrackedBody};
use crate::http::routes_with;
use crate::http::state::State;
use crate::shutdown::Phase;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Maximum size of the head of a request.
const MAX_HEAD_BYTES: usize = 1 << 16;

/// Time that connections have to close after the last response.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// How often the server checks whether the last request has finished, while it shuts down.
const DRAIN_INTERVAL: Duration = Duration::from_millis(10);

/// A listener that has been bound.
#[derive(Debug)]
pub(crate) struct Listening(pub(crate) std::net::TcpListener);

/// Serves until the shutdown is complete.
pub(crate) async fn serve(state: State, listener: Listening) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener.0)?;
    let router = routes_with(state.clone());
    let slots = Arc::new(Semaphore::new(state.options.max_connections));
    let mut connections = JoinSet::new();
    {
        let mut drained = pin!(drain(&state));
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
                        let connection = connection(state.clone(), router.clone(), stream);
                        connections.spawn(async move {
                            connection.await;
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

/// Waits for a shutdown, and then for the end of the requests, at most for the time they have.
async fn drain(state: &State) {
    state.shutdown.reached(Phase::Draining).await;
    let finished = async {
        while state.admission.in_progress() > 0 {
            tokio::time::sleep(DRAIN_INTERVAL).await;
        }
    };
    // After the timeout, the rest is cancelled.
    let _ = tokio::time::timeout(state.options.shutdown_timeout, finished).await;
}

async fn connection(state: State, router: Router, stream: TcpStream) {
    state.connections.fetch_add(1, Ordering::Relaxed);
    // Small writes, one per token, are sent at once.
    let _ = stream.set_nodelay(true);
    let timeouts = Timeouts {
        header: state.options.header_timeout,
        idle: state.options.idle_timeout,
        write: state.options.write_timeout,
    };
    let activity = Activity::default();
    let io = TokioIo::new(TimedStream::new(stream, timeouts, activity.clone()));
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let active = activity.begin();
        let response = routes.call(request.map(Body::new));
        async move {
            let response = response.await;
            response.map(|response| {
                response.map(|body| TrackedBody {
                    body,
                    _request: active,
                })
            })
        }
    });
    let draining = state.shutdown.phase() >= Phase::Draining;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES).keep_alive(!draining);
    let mut connection = pin!(builder.serve_connection(io, service));
    // A graceful shutdown before the first request would close the connection without a response.
    let stop_keep_alive = async {
        match draining {
            true => pending().await,
            false => state.shutdown.reached(Phase::Draining).await,
        }
    };
    // Errors are those of the client: it is gone, too slow, or speaks no HTTP.
    let _ = tokio::select! {
        result = connection.as_mut() => result,
        () = stop_keep_alive => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    state.connections.fetch_sub(1, Ordering::Relaxed);
}
