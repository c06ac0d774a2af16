//! Responses.

use crate::api::ApiError;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

/// A response with a body in JSON.
pub(crate) fn json(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    set(&mut response, CONTENT_TYPE, "application/json");
    response
}

pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    // Values with control characters, which no header can have, are left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = json(self.to_json());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        set(&mut response, CACHE_CONTROL, "no-store");
        if self.status == 503 || self.status == 429 {
            let retries = HeaderName::from_static("x-should-retry");
            set(&mut response, retries, "true");
        }
        if self.status == 401 {
            set(
                &mut response,
                axum::http::header::WWW_AUTHENTICATE,
                "Bearer",
            );
        }
        response
    }
}

/// Sets `Retry-After`, in whole seconds.
pub(crate) fn with_retry_after(mut response: Response, seconds: u64) -> Response {
    let name = axum::http::header::RETRY_AFTER;
    set(&mut response, name, &seconds.to_string());
    response
}
