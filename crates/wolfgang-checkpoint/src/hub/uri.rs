//! URLs of the Hub and of the servers that it redirects to.
//!
//! They are parsed as [`Uri`], the type that the HTTP client uses. The check of the origin, which
//! decides whether a request has the token, therefore always sees the host that the client connects
//! to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Uri;

/// All characters except the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes a segment of a path.
pub(super) fn percent_encode(segment: &str) -> String {
    utf8_percent_encode(segment, RESERVED).to_string()
}

/// Resolves the header `Location` of a response. `base` is the URL of the request.
///
/// Returns `None` for an invalid URL, a scheme other than `http` and `https`, and a relative path.
pub(super) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with("//") {
        return format!("{}:{location}", base.scheme_str()?).parse().ok();
    }
    if location.starts_with('/') {
        let mut parts = base.clone().into_parts();
        parts.path_and_query = Some(location.parse().ok()?);
        return Uri::from_parts(parts).ok();
    }
    let uri: Uri = location.parse().ok()?;
    matches!(uri.scheme_str(), Some("http" | "https")).then_some(uri)
}

/// Whether two URLs have the same scheme, host and port.
pub(super) fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let origin = |uri: &Uri| {
        let default_port = match uri.scheme_str()? {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let port = uri.port_u16().unwrap_or(default_port);
        Some((
            uri.scheme()?.clone(),
            uri.host()?.to_ascii_lowercase(),
            port,
        ))
    };
    origin(a).is_some_and(|a| origin(b) == Some(a))
}

/// Removes user name and password from a URL, also from an invalid one.
pub(super) fn redact_userinfo(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests;
