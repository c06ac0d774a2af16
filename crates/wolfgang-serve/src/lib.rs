//! An HTTP server with OpenAI's interface on top of the [`Engine`](wolfgang_generate::Engine).
//!
//! ```no_run
//! use wolfgang_generate::{Device, Engine, EngineOptions, WolfgangGenerator};
//! use wolfgang_serve::{ApiContext, Defaults, Server, ServerOptions};
//!
//! let generator = WolfgangGenerator::from_path("models/faust", &Device::flex())?;
//! let engine = Engine::new(generator.clone(), EngineOptions::default())?;
//! let context = ApiContext::new(generator, "faust", Defaults::default())?;
//! let server = Server::bind(engine, context, ServerOptions::default())?;
//! println!("listening on http://{}", server.address());
//! server.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`router`] is the same without a listener, for programs that have their own.
//!
//! [`ApiRequest`] and [`ApiResponse`] are OpenAI's interface without HTTP: the same parsing,
//! validation and responses, for requests from elsewhere. [`BatchRunner`] answers those of a file.
//!
//! The server runs on one thread, and the engine on another. The routes, the fields of requests and
//! the defaults are described in `docs/serving.md`.

mod api;
mod batch;
mod error;
mod http;
mod metrics;
mod openapi;
mod options;
mod server;
mod shutdown;

pub use api::{
    ApiContext, ApiError, ApiRequest, ApiResponse, Defaults, Field, Kind, Route, SubmittedChoice,
    Support, fields,
};
pub use batch::{BatchCounts, BatchError, BatchRunner};
pub use error::ServeError;
pub use http::router;
pub use openapi::openapi;
pub use options::{AccessLog, AccessRecord, ServerOptions};
pub use server::Server;
pub use shutdown::ShutdownHandle;
