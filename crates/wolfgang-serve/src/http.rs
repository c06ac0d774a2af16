//! The interface over HTTP.

mod accept;
mod activity;
mod admission;
mod backlog;
mod body;
mod connection;
mod generate;
mod io;
mod keys;
mod page;
mod received;
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
