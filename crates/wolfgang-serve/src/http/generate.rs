//! Requests that generate text.

use crate::api::{ApiError, ApiRequest, ApiResponse, Route};
use crate::http::admission::{Admitted, Permit};
use crate::http::request_id::RequestId;
use crate::http::response::{json, set, with_retry_after};
use crate::http::sse::SseBody;
use crate::http::state::State;
use crate::http::submitted::Submitted;
use crate::http::{body, sse};
use crate::shutdown::Phase;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use std::task::Poll;
use wolfgang_generate::Summary;

/// Up to this many bytes are read or written on the thread of the connections, in less time than a
/// forward pass takes.
const SHORT: usize = 8192;

/// Least size in a response of a token, and of the name of an alternative.
const BYTES_PER_NAME: usize = 4;

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
    body::check_type(request.headers())?;
    state.check_serving()?;
    // A place is taken only when the body is complete: it may never be.
    if !state.admission.has_room() {
        return Err(full(state));
    }
    let id = request.extensions().get::<RequestId>();
    let id = id.map(|id| id.0.clone()).unwrap_or_default();
    let body = body::read(state, request).await?;
    let admitted = state.admission.admit().ok_or_else(|| full(state))?;
    let context = state.context.clone();
    let length = body.len();
    let parse = move || ApiRequest::parse(route, &body, &context);
    let request = computed(length, parse).await?;
    let ignored = request.ignored().join(", ");
    let seed = request.seed;
    let mut response = start(state, request, length, admitted, &id).await?;
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
    ApiError::overloaded(match state.admission.in_progress() < limit {
        true => "the server is busy: it waits for clients to read its responses; try again later"
            .to_owned(),
        false => format!(
            "the server is busy: {limit} choices are in progress, which is its limit; try again later"
        ),
    })
}

/// Runs a function that reads or writes this many bytes, on another thread if that takes long, so
/// that it does not delay other connections.
pub(crate) async fn computed<T: Send + 'static>(
    bytes: usize,
    function: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if bytes <= SHORT {
        return function();
    }
    let computed = tokio::task::spawn_blocking(function).await;
    computed.unwrap_or_else(|_| Err(ApiError::internal("failed to process the request")))
}

/// Starts the choices of a request, whose body has this length.
async fn start(
    state: &State,
    request: ApiRequest,
    length: usize,
    mut admitted: Admitted,
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
    if !admitted.extend_to(n) {
        return Err(full(state));
    }
    let context = state.context.clone();
    // Each choice has a copy of the options.
    let create = move || Ok((request.choices(&context)?, request));
    let (choices, request) = computed(length.saturating_mul(n), create).await?;
    let mut submitted = Vec::with_capacity(n);
    for choice in choices {
        let handle = state.engine.submit_generation(choice.generation)?;
        submitted.push(Submitted::new(state, handle));
    }
    if request.form.stream {
        let body = SseBody::new(state.clone(), request, submitted, admitted, id);
        return Ok(sse::response(body));
    }
    let aborted = state.shutdown.reached(Phase::Aborting);
    let summaries = tokio::select! {
        summaries = finish(submitted) => summaries?,
        () = aborted => return Err(ApiError::shutting_down()),
    };
    drop(admitted.engine);
    let text = whole(state, request, summaries, id).await?;
    let permit = admitted.response;
    Ok(json(Body::from(Bytes::from_owner(SentText {
        text,
        _permit: permit,
    }))))
}

/// The text of a response that is not streamed.
async fn whole(
    state: &State,
    request: ApiRequest,
    summaries: Vec<Summary>,
    id: &str,
) -> Result<String, ApiError> {
    let names_per_token = 1 + request
        .form
        .logprobs
        .map_or(0, |alternatives| 1 + alternatives);
    let tokens: usize = summaries.iter().map(|summary| summary.ids.len()).sum();
    let bytes = tokens * names_per_token * BYTES_PER_NAME;
    let (context, id) = (state.context.clone(), id.to_owned());
    let render = move || Ok(ApiResponse::new(&request, &context, &id, summaries).json);
    computed(bytes, render).await
}

/// A text that holds the place of its response until hyper has written it.
struct SentText {
    text: String,
    _permit: Permit,
}

impl AsRef<[u8]> for SentText {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_runs_on_another_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let is_here = |bytes: usize| {
            let here = std::thread::current().id();
            async move { computed(bytes, move || Ok(std::thread::current().id() == here)).await }
        };
        runtime.unwrap().block_on(async {
            assert!(is_here(SHORT).await.unwrap());
            assert!(!is_here(SHORT + 1).await.unwrap());
        });
    }
}
