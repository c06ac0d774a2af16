//! Requests that generate text.

use crate::api::{ApiError, ApiRequest, ApiResponse, Route};
use crate::http::admission::Permit;
use crate::http::request_id::RequestId;
use crate::http::response::{json, set, with_retry_after};
use crate::http::sse::SseBody;
use crate::http::state::State;
use crate::http::submitted::Submitted;
use crate::http::{body, sse};
use crate::shutdown::Phase;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use std::task::Poll;
use wolfgang_generate::Summary;

/// Bodies up to this size are parsed and encoded on the thread of the server, in less time than a
/// forward pass takes.
const SHORT_BODY: usize = 8192;

/// Answers a request for completions or for a reply.
pub(crate) async fn respond(state: &State, route: Route, request: Request) -> Response {
    match generate(state, route, request).await {
        Ok(response) => response,
        Err(error) if matches!(error.status, 429 | 503) => {
            with_retry_after(error.into_response(), retry_after(state))
        }
        Err(error) => error.into_response(),
    }
}

/// Seconds until there is probably room: the time that the choices in progress take.
fn retry_after(state: &State) -> u64 {
    let mean = state.metrics.mean_time().unwrap_or_default();
    let running = state.engine.stats().running.max(1);
    let rounds = state.admission.in_progress().div_ceil(running);
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    mean.saturating_mul(rounds).as_secs().clamp(1, 60)
}

async fn generate(state: &State, route: Route, request: Request) -> Result<Response, ApiError> {
    let refused = match (state.check_serving(), state.admission.admit()) {
        (Ok(()), Some(permit)) => Ok(permit),
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(full(state)),
    };
    let permit = match refused {
        Ok(permit) => permit,
        Err(error) => {
            body::discard(request.into_body()).await;
            return Err(error);
        }
    };
    let id = request.extensions().get::<RequestId>();
    let id = id.map(|id| id.0.clone()).unwrap_or_default();
    let (limit, timeout) = (state.options.max_body_bytes, state.options.body_timeout);
    let body = body::read(request, limit, timeout).await?;
    let context = state.context.clone();
    let parse = move |body: &Bytes| ApiRequest::parse(route, body, &context);
    let request = computed(body, parse).await?;
    let ignored = request.ignored().join(", ");
    let seed = request.seed;
    let mut response = start(state, request, permit, &id).await?;
    if !ignored.is_empty() {
        let name = HeaderName::from_static("x-wolfgang-ignored");
        let shown: String = ignored.escape_default().take(500).collect();
        set(&mut response, name, &shown);
    }
    let name = HeaderName::from_static("x-wolfgang-seed");
    set(&mut response, name, &seed.to_string());
    Ok(response)
}

fn full(state: &State) -> ApiError {
    let limit = state.admission.limit();
    ApiError::overloaded(format!(
        "the server is busy: {limit} choices are in progress, which is its limit; try again later"
    ))
}

/// Runs a function on a body, on another thread if the body is long, so that it does not delay
/// other connections.
pub(crate) async fn computed<T: Send + 'static>(
    body: Bytes,
    function: impl FnOnce(&Bytes) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if body.len() <= SHORT_BODY {
        return function(&body);
    }
    let computed = tokio::task::spawn_blocking(move || function(&body)).await;
    computed.unwrap_or_else(|_| Err(ApiError::internal("failed to parse the request")))
}

async fn start(
    state: &State,
    request: ApiRequest,
    mut permit: Permit,
    id: &str,
) -> Result<Response, ApiError> {
    let n = request.n_choices();
    if n > state.admission.limit() {
        let limit = state.admission.limit();
        return Err(ApiError::invalid(
            "n",
            format!("the request has {n} choices, but the server has room for {limit}"),
        ));
    }
    if !permit.extend_to(n) {
        return Err(full(state));
    }
    let mut submitted = Vec::with_capacity(n);
    for choice in request.choices(&state.context)? {
        let handle = state.engine.submit_generation(choice.generation)?;
        submitted.push(Submitted::new(state, handle));
    }
    if request.form.stream {
        let body = SseBody::new(state.clone(), request, submitted, permit, id);
        return Ok(sse::response(body));
    }
    let aborted = state.shutdown.reached(Phase::Aborting);
    let summaries = tokio::select! {
        summaries = finish(submitted) => summaries?,
        () = aborted => return Err(ApiError::shutting_down()),
    };
    drop(permit);
    Ok(json(
        ApiResponse::new(&request, &state.context, id, summaries).json,
    ))
}

/// Waits for all choices. If one fails, the others are cancelled.
async fn finish(submitted: Vec<Submitted>) -> Result<Vec<Summary>, ApiError> {
    let mut waiting: Vec<_> = submitted
        .into_iter()
        .map(|one| Box::pin(one.into_summary()))
        .collect();
    let mut summaries: Vec<Option<Summary>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, summary) in waiting.iter_mut().zip(&mut summaries) {
            if summary.is_some() {
                continue;
            }
            if let Poll::Ready(result) = one.as_mut().poll(context) {
                match result {
                    Ok(finished) => *summary = Some(finished),
                    Err(error) => return Poll::Ready(Err(ApiError::from(error))),
                }
            }
        }
        match summaries.iter().all(Option::is_some) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    })
    .await?;
    Ok(summaries.into_iter().flatten().collect())
}
