//! An HTTP server that streams one generation per request as server-sent events, each a JSON
//! object.
//!
//!     cargo run --release --package wolfgang-generate --features serde --example axum_sse -- 127.0.0.1:1749
//!     curl --no-buffer --data "Habe nun, ach!" 127.0.0.1:1749/generate

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::{BoxError, Router, routing::post};
use futures_util::{Stream, StreamExt};
use wolfgang_generate::{Device, Engine, EngineOptions, GenerateOptions, WolfgangGenerator};

pub(crate) fn router(engine: Engine, options: GenerateOptions) -> Router {
    let routes = Router::new().route("/generate", post(generate));
    routes.with_state((engine, options))
}

/// A client that closes its connection drops the stream, which cancels the generation.
async fn generate(
    State((engine, options)): State<(Engine, GenerateOptions)>,
    prompt: String,
) -> Result<Sse<impl Stream<Item = Result<Event, BoxError>>>, (StatusCode, String)> {
    let handle = engine.submit(&prompt, &options);
    let handle = handle.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let events = handle.into_stream().map(|event| {
        let json = serde_json::to_string(&event?)?;
        Ok(Event::default().data(json))
    });
    Ok(Sse::new(events))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
    let engine = Engine::new(generator, EngineOptions::default())?;
    let address = std::env::args().nth(1).ok_or("usage: axum_sse ADDRESS")?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, router(engine, GenerateOptions::default())).await?)
}
