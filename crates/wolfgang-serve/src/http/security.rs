//! Which requests are answered: checks of `Host`, `Origin` and the API key.
//!
//! A web page on any site can send requests to a server on the user's machine. The check of `Host`
//! defends against DNS rebinding (a name of the attacker that resolves to 127.0.0.1), that of
//! `Origin` against requests across sites.

use crate::api::ApiError;
use crate::http::keys::ApiKeys;
use crate::options::ServerOptions;
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::{HeaderValue, Uri};
use std::net::IpAddr;

/// Paths that need no key: they have no secrets, and load balancers and browsers have no key.
const PUBLIC: [&str; 3] = ["/", "/health", "/ready"];

#[derive(Debug)]
pub(crate) struct Security {
    allowed_hosts: Vec<String>,
    cors_origins: Vec<String>,
    keys: ApiKeys,
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ApiKeys")
    }
}

/// The origin of a page on another site that may use the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CrossOrigin(pub(crate) HeaderValue);

impl Security {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let lowercase = |names: &[String]| names.iter().map(|n| n.to_ascii_lowercase()).collect();
        Self {
            allowed_hosts: lowercase(&options.allowed_hosts),
            cors_origins: lowercase(&options.cors_origins),
            keys: options.keys.clone(),
        }
    }

    /// Checks `Host`, and `Origin` if there is one.
    pub(crate) fn check_origin(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Option<CrossOrigin>, ApiError> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default().to_ascii_lowercase(),
            _ => {
                let message = "a request must have one Host header";
                return Err(ApiError::bad_request("invalid_host", message));
            }
        };
        // In the form of requests to a proxy, the URI has a host as well.
        let authority = uri
            .authority()
            .map(|name| name.as_str().to_ascii_lowercase());
        for host in std::iter::once(&host).chain(&authority) {
            if !self.is_allowed_host(host) {
                let shown: String = host.chars().take(100).collect();
                let message = format!(
                    "the host {shown:?} is not allowed; start the server with --allowed-host and this name"
                );
                return Err(ApiError::refused(403, "host_not_allowed", message));
            }
        }
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(None);
        };
        let name = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let own = name
            .strip_prefix("http://")
            .or(name.strip_prefix("https://"));
        if own == Some(&host) {
            return Ok(None);
        }
        if self
            .cors_origins
            .iter()
            .any(|one| *one == "*" || *one == name)
        {
            return Ok(Some(CrossOrigin(origin.clone())));
        }
        let shown: String = name.chars().take(100).collect();
        let message = format!(
            "the origin {shown:?} is not allowed; start the server with --cors-origin and this origin"
        );
        Err(ApiError::refused(403, "origin_not_allowed", message))
    }

    /// IP addresses cannot be rebound, and `localhost` is this machine.
    fn is_allowed_host(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_address = name.parse::<IpAddr>().is_ok()
            || name
                .strip_prefix('[')
                .and_then(|name| name.strip_suffix(']'))
                .is_some_and(|name| name.parse::<IpAddr>().is_ok());
        let is_listed = |one: &String| one == "*" || one == name;
        is_address || name == "localhost" || self.allowed_hosts.iter().any(is_listed)
    }

    pub(crate) fn check_key(&self, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        if PUBLIC.contains(&path) || self.keys.admit(headers) {
            return Ok(());
        }
        let message = "a valid API key is required: send Authorization: Bearer KEY";
        Err(ApiError::new(
            401,
            "authentication_error",
            "invalid_api_key",
            message,
        ))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>) -> Result<bool, u16> {
        let mut options = ServerOptions::default()
            .with_cors_origin("https://app.example")
            .unwrap();
        options.allowed_hosts.push("Box.lan".to_owned());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let checked = Security::new(&options).check_origin(&"/".parse().unwrap(), &headers);
        checked
            .map(|cross| cross.is_some())
            .map_err(|error| error.status)
    }

    #[test]
    fn hosts_and_origins_are_this_server_or_listed() {
        let own = [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8080",
            "192.168.0.7",
            "box.lan:80",
        ];
        for host in own {
            assert_eq!(check(host, None), Ok(false), "{host}");
            let origin = format!("http://{host}").to_ascii_lowercase();
            assert_eq!(check(host, Some(&origin)), Ok(false), "{host}");
        }
        let foreign = [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.local",
            "svc.internal",
            "",
            "localhost:80:80",
        ];
        for host in foreign {
            assert_eq!(check(host, None), Err(403), "{host}");
        }
        let origins = [
            ("https://app.example", Ok(true)),
            ("HTTPS://APP.example", Ok(true)),
            ("http://app.example", Err(403)),
            ("https://app.example.evil.example", Err(403)),
            ("null", Err(403)),
            ("http://localhost:3000", Err(403)),
            ("https://localhost:8080", Ok(false)),
            ("file://", Err(403)),
        ];
        for (origin, expected) in origins {
            assert_eq!(check("localhost:8080", Some(origin)), expected, "{origin}");
        }
    }
}
