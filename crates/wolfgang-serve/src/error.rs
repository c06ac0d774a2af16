//! Errors of the server.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Error of starting or running a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}; choose another port, or port 0 for a free one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The runtime of the server could not be started, or it failed to wait for connections.
    #[error("failed to run the server")]
    Runtime {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file of API keys cannot be read.
    #[error("failed to read the API keys in {}", path.display())]
    ReadKeys {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// An API key has characters that a header cannot have.
    #[error(
        "API key {index} is empty or has characters other than visible ASCII; write one key per line"
    )]
    InvalidKey {
        /// The place of the key, from 1.
        index: usize,
    },
    /// There are no API keys in the file.
    #[error("there are no API keys; write one key per line, or start the server without keys")]
    NoKeys,
    /// An origin has another form than `https://NAME`.
    #[error(
        "the origin is {origin:?}, but it must be *, or have the form https://NAME or https://NAME:PORT"
    )]
    InvalidOrigin {
        /// The origin.
        origin: String,
    },
}
