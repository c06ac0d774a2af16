//! Reading of request bodies.

use crate::api::ApiError;
use crate::http::state::State;
use crate::shutdown::Phase;
use axum::body::{Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// Checks that the body is JSON without compression. Browsers send other types to other origins
/// without asking, but not this one.
pub(crate) fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    let is_json = essence.is_some_and(|e| e.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        let message = "the content type must be application/json";
        return Err(ApiError::refused(415, "unsupported_media_type", message));
    }
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        let message = "compressed bodies are not supported; send the body without content-encoding";
        return Err(ApiError::refused(
            415,
            "unsupported_content_encoding",
            message,
        ));
    }
    Ok(())
}

/// Reads the body. A shutdown does not wait for a body that is incomplete.
pub(crate) async fn read(state: &State, request: Request) -> Result<Bytes, ApiError> {
    let (limit, timeout) = (state.options.max_body_bytes, state.options.body_timeout);
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large(limit));
    }
    tokio::select! {
        biased;
        read = axum::body::to_bytes(request.into_body(), limit) => read.map_err(|error| {
            match is_limit(&error) {
                true => too_large(limit),
                false => ApiError::bad_request(
                    "incomplete_body",
                    "the body ended before it was complete",
                ),
            }
        }),
        () = tokio::time::sleep(timeout) => {
            let message = format!("the body did not arrive within {} s", timeout.as_secs_f32());
            Err(ApiError::refused(408, "body_timeout", message))
        }
        () = state.shutdown.reached(Phase::Draining) => Err(ApiError::shutting_down()),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    // The type of the error is private to a dependency of axum.
    std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("length limit exceeded"))
}

fn too_large(limit: usize) -> ApiError {
    let message = format!("the body is larger than {limit} bytes; send a shorter one");
    ApiError::refused(413, "body_too_large", message)
}

/// Reads and drops a body, at most this many bytes in this time. Returns whether it was complete.
pub(crate) async fn discard(mut body: Incoming, limit: usize, time: Duration) -> bool {
    let end = async {
        let mut left = limit;
        loop {
            match poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(rest) => left = rest,
                    None => return false,
                },
            }
        }
    };
    tokio::time::timeout(time, end).await.unwrap_or(false)
}
