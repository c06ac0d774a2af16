//! Routes, and what happens around each request.

use crate::api::{self, ApiContext, ApiError, Route};
use crate::http::request_id::RequestId;
use crate::http::response::{json, set, with_retry_after};
use crate::http::security::CrossOrigin;
use crate::http::state::State;
use crate::http::{body, generate};
use crate::metrics::Load;
use crate::options::{AccessRecord, ServerOptions};
use crate::shutdown::{Phase, ShutdownHandle};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{self, Path, Request};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, VARY,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wolfgang_generate::Engine;

/// The paths of the routes, for metrics.
pub(crate) const PATHS: [&str; 13] = [
    "/",
    "/health",
    "/ready",
    "/metrics",
    "/openapi.json",
    "/v1/models",
    "/v1/models/{model}",
    "/v1/completions",
    "/v1/chat/completions",
    "/tokenize",
    "/detokenize",
    "/tokenizer_info",
    "/apply-template",
];

/// Headers that scripts of other origins may send. Those of OpenAI's client for browsers are among
/// them.
const REQUEST_HEADERS: &str = "authorization, content-type, x-api-key, x-request-id, \
    x-stainless-arch, x-stainless-async, x-stainless-custom-poll-interval, \
    x-stainless-helper-method, x-stainless-lang, x-stainless-os, x-stainless-package-version, \
    x-stainless-poll-helper, x-stainless-retry-count, x-stainless-runtime, \
    x-stainless-runtime-version, x-stainless-timeout";

const RESPONSE_HEADERS: &str =
    "retry-after, x-request-id, x-should-retry, x-wolfgang-ignored, x-wolfgang-seed";

/// The routes of the server as a router of axum, with all checks. Options of connections, such as
/// their timeouts, have no effect.
///
/// Requests are refused after [`ShutdownHandle::shut_down`].
pub fn router(
    engine: Engine,
    context: ApiContext,
    options: ServerOptions,
    shutdown: ShutdownHandle,
) -> Router {
    routes_with(State::new(engine, context, options, shutdown))
}

pub(crate) fn routes_with(state: State) -> Router {
    let routes = Router::new()
        .route("/", get(page))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route("/v1/models", get(models))
        .route("/v1/models/{*model}", get(model))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/tokenizer_info", get(tokenizer_info))
        .route("/apply-template", post(apply_template))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method);
    let layer = from_fn_with_state(state.clone(), around);
    routes.layer(layer).with_state(state)
}

type Handled<T> = Result<T, ApiError>;
type Shared = extract::State<State>;

/// The checks before each request, and the headers of each response.
async fn around(extract::State(state): Shared, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = RequestId::new(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let checked = state
        .security
        .check_origin(request.uri(), request.headers());
    let origin = checked.as_ref().ok().cloned().flatten();
    let result = match checked {
        Ok(_) => answer(&state, id.clone(), request, next).await,
        Err(error) => Err(error),
    };
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    set(
        &mut response,
        HeaderName::from_static("x-request-id"),
        &id.0,
    );
    if let Some(CrossOrigin(origin)) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(&mut response, VARY, "Origin");
        let name = ACCESS_CONTROL_EXPOSE_HEADERS;
        set(&mut response, name, RESPONSE_HEADERS);
    }
    let status = response.status().as_u16();
    state.metrics.response(route_of(&path), status);
    if let Some(log) = &state.options.log {
        log(&AccessRecord {
            method: method.as_str(),
            path: &path,
            status,
            duration: start.elapsed(),
            request_id: &id.0,
        });
    }
    response
}

async fn answer(
    state: &State,
    id: RequestId,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let is_preflight =
        request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        // Only allowed origins come here. A preflight request has no key.
        return Ok(preflight());
    }
    state.security.check_key(request.uri().path(), headers)?;
    request.extensions_mut().insert(id);
    Ok(next.run(request).await)
}

fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = ACCESS_CONTROL_ALLOW_METHODS;
    set(&mut response, methods, "GET, POST");
    let headers = ACCESS_CONTROL_ALLOW_HEADERS;
    set(&mut response, headers, REQUEST_HEADERS);
    set(&mut response, ACCESS_CONTROL_MAX_AGE, "600");
    response
}

/// The route of a path, so that paths of clients do not become labels.
fn route_of(path: &str) -> &'static str {
    let is = |route: &&&str| **route == path;
    let model = "/v1/models/";
    match PATHS.iter().find(is) {
        Some(route) => route,
        None if path.starts_with(model) => "/v1/models/{model}",
        None => "other",
    }
}

async fn not_found(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(100).collect();
    let message = match PATHS
        .iter()
        .find(|route| route.ends_with(path.as_str()) && path.len() > 1)
    {
        Some(route) => format!("there is no route {path}; the route is {route}"),
        None => format!("there is no route {path}; /openapi.json lists the routes"),
    };
    ApiError::refused(404, "not_found", message)
}

async fn wrong_method(method: Method, request: Request) -> ApiError {
    let path = request.uri().path();
    let message = format!("{path} does not accept {method}");
    ApiError::refused(405, "method_not_allowed", message)
}

async fn page(extract::State(state): Shared, headers: HeaderMap) -> Response {
    state.page.response(&headers)
}

async fn health(extract::State(state): Shared) -> Handled<Response> {
    let timeout = state.options.stall_timeout;
    if state.engine.stats().is_stopped {
        let message = "the engine has stopped; restart the server";
        return Err(ApiError::unavailable("engine_stopped", message.to_owned()));
    }
    if state.stall.is_stalled(&state.engine.stats(), timeout) {
        let message = format!(
            "the engine made no progress for {} s",
            timeout.as_secs_f32()
        );
        return Err(ApiError::unavailable("engine_stalled", message));
    }
    Ok(json("{\"status\":\"ok\"}".to_owned()))
}

async fn ready(extract::State(state): Shared) -> Handled<Response> {
    match state.shutdown.phase() {
        Phase::Serving if !state.engine.stats().is_stopped => {
            Ok(json("{\"status\":\"ready\"}".to_owned()))
        }
        _ => Err(ApiError::shutting_down()),
    }
}

async fn metrics(extract::State(state): Shared) -> Response {
    let load = Load {
        engine: state.engine.stats(),
        in_progress: state.admission.in_progress(),
        unsent: state.admission.unsent(),
        limit: state.admission.limit(),
        connections: state.connections.load(Ordering::Relaxed),
    };
    let mut response = Response::new(Body::from(state.metrics.render(load)));
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    set(&mut response, CONTENT_TYPE, media_type);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

async fn openapi() -> Response {
    json(crate::openapi().to_string())
}

async fn models(extract::State(state): Shared) -> Response {
    json(api::model_list(&state.context).to_string())
}

async fn model(
    extract::State(state): Shared,
    name: Result<Path<String>, PathRejection>,
) -> Handled<Response> {
    // A name that is not UTF-8 is that of no model.
    let name = name.map_or_else(|_| "\u{fffd}".to_owned(), |Path(name)| name);
    state.context.check_model(&name)?;
    Ok(json(api::model_object(&state.context).to_string()))
}

async fn completions(extract::State(state): Shared, request: Request) -> Response {
    generate::respond(&state, Route::Completions, request).await
}

async fn chat(extract::State(state): Shared, request: Request) -> Response {
    generate::respond(&state, Route::Chat, request).await
}

async fn tokenizer_info(extract::State(state): Shared) -> Response {
    json(api::tokenizer_info(&state.context).to_string())
}

async fn tokenize(extract::State(state): Shared, request: Request) -> Handled<Response> {
    of_body(&state, request, api::tokenize).await
}

async fn detokenize(extract::State(state): Shared, request: Request) -> Handled<Response> {
    of_body(&state, request, api::detokenize).await
}

async fn apply_template(extract::State(state): Shared, request: Request) -> Handled<Response> {
    of_body(&state, request, api::apply_template).await
}

/// Answers with a function of the body. Requests that are computed at the same time are bounded, and
/// each has its place until it is computed, also after its client has gone away.
async fn of_body(
    state: &State,
    request: Request,
    function: fn(&[u8], &ApiContext) -> Result<Value, ApiError>,
) -> Handled<Response> {
    body::check_type(request.headers())?;
    let full = || {
        let limit = state.options.max_token_requests;
        let message = format!(
            "the server is busy: {limit} requests of this kind are in progress, which is its limit; try again later"
        );
        with_retry_after(ApiError::overloaded(message).into_response(), 1)
    };
    // A place is taken only when the body is complete: it may never be.
    if state.token_requests.available_permits() == 0 {
        return Ok(full());
    }
    let body = body::read(state, request).await?;
    let Ok(place) = Arc::clone(&state.token_requests).try_acquire_owned() else {
        return Ok(full());
    };
    let context = state.context.clone();
    let length = body.len();
    let answer = move || {
        let value = function(&body, &context);
        drop(place);
        Ok(json(value?.to_string()))
    };
    generate::computed(length, answer).await
}
