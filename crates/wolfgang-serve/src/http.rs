//! The interface over HTTP.

mod accept;
mod admission;
mod body;
mod generate;
mod io;
mod keys;
mod page;
mod request_id;
mod response;
mod routes;
mod security;
mod sse;
mod stall;
mod state;
mod submitted;

pub(crate) use accept::{Listening, serve};
pub(crate) use keys::ApiKeys;
pub use routes::router;
pub(crate) use routes::routes_with;
pub(crate) use state::State;
