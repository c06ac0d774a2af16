//! Options of the server.

use crate::ServeError;
use crate::http::ApiKeys;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Default of [`ServerOptions::max_choices`].
pub(crate) const MAX_CHOICES: usize = 272;

/// Default of [`ServerOptions::max_body_bytes`].
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;

/// Options of a [`Server`](crate::Server).
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Address to listen on. Port 0 selects a free port. Default: `127.0.0.1:8080`.
    pub address: SocketAddr,
    /// Maximum number of choices in progress, both running and waiting for the engine. Requests
    /// beyond are refused with status 429, also if the responses of twice as many choices have not
    /// been sent. Default: 272, those that an engine runs and queues by default.
    pub max_choices: usize,
    /// Maximum number of requests of `/tokenize`, `/detokenize` and `/apply-template` in progress.
    /// Requests beyond are refused with status 429. Default: 64.
    pub max_token_requests: usize,
    /// Maximum number of connections; further ones wait. Default: 1024.
    pub max_connections: usize,
    /// Maximum size of a body in bytes. Default: 1 MiB.
    pub max_body_bytes: usize,
    /// Time in which a client must send the head of a request. Default: 10 s.
    pub header_timeout: Duration,
    /// Time in which a client must send the body. Default: 30 s.
    pub body_timeout: Duration,
    /// Time for which a connection is kept open without a request. Default: 75 s.
    pub idle_timeout: Duration,
    /// Time for which a client may accept no byte of a response. Default: 30 s.
    pub write_timeout: Duration,
    /// Time after which a comment is sent on a stream without events, so that proxies keep it open.
    /// Default: 15 s.
    pub ping_interval: Duration,
    /// Time that running requests have to finish and to be sent when the server shuts down.
    /// Default: 30 s.
    pub shutdown_timeout: Duration,
    /// Time without progress of a running generation after which `/health` reports an error.
    /// Default: 60 s.
    pub stall_timeout: Duration,
    /// Names that the header `Host` may have besides `localhost` and IP addresses; `*` is every
    /// name. Default: none.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may use the server from a browser; `*` is every page. Pages of the
    /// server itself always may. Default: none.
    pub cors_origins: Vec<String>,
    /// Called for each response. Default: `None`.
    pub log: Option<AccessLog>,
    pub(crate) keys: ApiKeys,
}

/// Is called for each response.
pub type AccessLog = Arc<dyn Fn(&AccessRecord<'_>) + Send + Sync>;

/// A response, for a log. It contains no text of the request but its method and path, in which
/// control characters are percent-encoded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessRecord<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request.
    pub path: &'a str,
    /// The status code of the response.
    pub status: u16,
    /// The time until the head of the response was complete.
    pub duration: Duration,
    /// The identifier of the request, which is also in the header `x-request-id`.
    pub request_id: &'a str,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            max_choices: MAX_CHOICES,
            max_token_requests: 64,
            max_connections: 1024,
            max_body_bytes: MAX_BODY_BYTES,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(15),
            shutdown_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
            log: None,
            keys: ApiKeys::default(),
        }
    }
}

impl std::fmt::Debug for ServerOptions {
    /// Without the keys.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ServerOptions");
        shown.field("address", &self.address);
        shown.field("max_choices", &self.max_choices);
        shown.field("max_connections", &self.max_connections);
        shown.field("has_keys", &self.keys.is_required());
        shown.finish_non_exhaustive()
    }
}

impl ServerOptions {
    /// Requires one of these keys of each request, except for the page, `/health` and `/ready`.
    ///
    /// # Errors
    /// [`ServeError::InvalidKey`] and [`ServeError::NoKeys`].
    pub fn with_api_keys<'a>(
        mut self,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ServeError> {
        self.keys = ApiKeys::new(keys)?;
        Ok(self)
    }

    /// Requires one of the keys in a file, one key per line. Empty lines and lines that begin with
    /// `#` are skipped.
    ///
    /// # Errors
    /// [`ServeError::ReadKeys`], and those of [`with_api_keys`](Self::with_api_keys).
    pub fn with_api_key_file(self, path: &Path) -> Result<Self, ServeError> {
        let text = std::fs::read_to_string(path).map_err(|source| ServeError::ReadKeys {
            path: path.to_path_buf(),
            source,
        })?;
        let lines = text.lines().map(str::trim);
        self.with_api_keys(lines.filter(|line| !line.is_empty() && !line.starts_with('#')))
    }

    /// Adds an origin to [`cors_origins`](Self::cors_origins).
    ///
    /// # Errors
    /// [`ServeError::InvalidOrigin`].
    pub fn with_cors_origin(mut self, origin: &str) -> Result<Self, ServeError> {
        let name = ["https://", "http://"]
            .iter()
            .find_map(|scheme| origin.strip_prefix(scheme));
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '?', '#', ' ']);
        if origin != "*" && !name.is_some_and(is_name) {
            let origin = origin.to_owned();
            return Err(ServeError::InvalidOrigin { origin });
        }
        self.cors_origins.push(origin.to_ascii_lowercase());
        Ok(self)
    }

    /// Returns whether requests must have an API key.
    pub fn requires_key(&self) -> bool {
        self.keys.is_required()
    }
}
