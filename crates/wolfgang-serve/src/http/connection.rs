//! A connection, from its first byte to its last.

use crate::http::activity::{Activity, RequestBody, ResponseBody};
use crate::http::body;
use crate::http::io::{TimedStream, Timeouts};
use crate::http::received::Received;
use crate::http::state::State;
use crate::shutdown::Phase;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;

/// Maximum size of the head of a request.
const MAX_HEAD_BYTES: usize = 1 << 16;

/// Limits of the rest of a body that is read before an error is answered, so that the connection
/// can stay open.
const REST: (usize, Duration) = (1 << 16, Duration::from_millis(20));

/// Limits of what is read after the last response.
const LAST_REST: (usize, Duration) = (16 << 20, Duration::from_secs(2));

/// The end of a connection.
enum End {
    /// Everything has been sent. `has_unread` is whether the client may still be sending.
    Closed { has_unread: bool },
    /// The client is gone or too slow, or the server ends.
    Abandoned,
}

/// Serves a connection until its end. `busy` counts the connections with a request in progress.
pub(crate) async fn serve(state: State, router: Router, stream: TcpStream, busy: Arc<AtomicUsize>) {
    state.connections.fetch_add(1, Ordering::Relaxed);
    // Small writes, one per token, are sent at once.
    let _ = stream.set_nodelay(true);
    let (source, sink) = stream.into_split();
    let received = Received::new(source);
    let activity = Activity::new(busy);
    let timeouts = Timeouts {
        header: state.options.header_timeout,
        idle: state.options.idle_timeout,
        write: state.options.write_timeout,
    };
    let stream = TimedStream::new(received.clone(), sink, timeouts, activity.clone());
    // The sink is closed at the end of this call.
    let end = exchange(&state, router, stream, &received, activity).await;
    if let End::Closed { has_unread: true } = end {
        let (limit, time) = LAST_REST;
        received.discard(limit, time).await;
    }
    state.connections.fetch_sub(1, Ordering::Relaxed);
}

/// Reads requests and writes responses.
async fn exchange(
    state: &State,
    router: Router,
    stream: TimedStream,
    received: &Received,
    activity: Activity,
) -> End {
    let routes = TowerToHyperService::new(router);
    let service = service_fn({
        let activity = activity.clone();
        move |request: Request<Incoming>| answer(routes.clone(), request, activity.clone())
    });
    let is_draining = state.shutdown.phase() >= Phase::Draining;
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(!is_draining);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A graceful shutdown before the first request would close the connection without a response.
    let mut next = match is_draining {
        true => Phase::Aborting,
        false => Phase::Draining,
    };
    loop {
        let gone = poll_fn(|context| match activity.is_answering() {
            true => received.poll_gone(context),
            false => Poll::Pending,
        });
        tokio::select! {
            // The state of the activity is that after the connection was polled.
            biased;
            result = connection.as_mut() => {
                return match result {
                    Err(error) if !error.is_parse() => End::Abandoned,
                    result => End::Closed {
                        has_unread: result.is_err() || activity.has_unread_body(),
                    },
                };
            }
            () = gone => return End::Abandoned,
            () = state.shutdown.reached(next) => match next {
                Phase::Aborting if activity.is_busy() => {
                    // The last response is being written, and the server does not wait for ever.
                    let _ = connection.as_mut().await;
                    return End::Abandoned;
                }
                Phase::Aborting => return End::Abandoned,
                _ => {
                    connection.as_mut().graceful_shutdown();
                    next = Phase::Aborting;
                }
            },
        }
    }
}

/// Answers a request. Reads a short rest of its body if the handler did not.
async fn answer(
    routes: TowerToHyperService<Router>,
    request: Request<Incoming>,
    activity: Activity,
) -> Result<axum::http::Response<ResponseBody>, std::convert::Infallible> {
    let active = activity.begin();
    // To read the body of such a request would ask the client to send it.
    let waits_to_send = request.headers().contains_key(EXPECT);
    let request = request.map(|body| Body::new(RequestBody::new(body, activity.clone())));
    let response = routes.call(request).await?;
    if let Some(rest) = activity.take_rest().filter(|_| !waits_to_send) {
        let (limit, time) = REST;
        if body::discard(rest, limit, time).await {
            activity.on_whole_body();
        }
    }
    Ok(response.map(|body| ResponseBody {
        body,
        _request: active,
    }))
}
