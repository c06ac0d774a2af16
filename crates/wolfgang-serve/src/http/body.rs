//! Reading of request bodies.

use crate::api::ApiError;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
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

/// Reads the body.
pub(crate) async fn read(
    request: Request,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, ApiError> {
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large(limit));
    }
    let read = axum::body::to_bytes(request.into_body(), limit);
    match tokio::time::timeout(timeout, read).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_limit(&error) => Err(too_large(limit)),
        Ok(Err(_)) => Err(ApiError::bad_request(
            "incomplete_body",
            "the body ended before it was complete",
        )),
        Err(_) => {
            let message = format!("the body did not arrive within {} s", timeout.as_secs_f32());
            Err(ApiError::refused(408, "body_timeout", message))
        }
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

/// Reads and drops the rest of a small body, so that the client can finish sending it and read the
/// response. A connection with an unread body is closed.
pub(crate) async fn discard(body: Body) {
    const LIMIT: usize = 1 << 16;
    const TIME: Duration = Duration::from_millis(20);
    // Whatever happens, the response is the same.
    let _ = tokio::time::timeout(TIME, axum::body::to_bytes(body, LIMIT)).await;
}
