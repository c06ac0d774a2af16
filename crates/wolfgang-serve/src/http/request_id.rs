//! Identifiers of requests.

use axum::http::HeaderMap;

/// The identifier of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// The identifier that the client gave, if it can be in a log, or a random one.
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let given = headers.get("x-request-id");
        let given = given.and_then(|value| value.to_str().ok());
        let is_id = |id: &&str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
            (1..=64).contains(&id.len()) && id.bytes().all(known)
        };
        match given.filter(is_id) {
            Some(id) => Self(id.to_owned()),
            // A failure of the operating system costs the identifier only.
            None => Self(format!("{:016x}", getrandom::u64().unwrap_or_default())),
        }
    }
}
