//! Requests to the Hub and its responses.
//!
//! The client of the `hf-hub` crate (0.5) is not used: it sends the token to other hosts when the
//! Hub redirects, and it does not compare the size of a download with the announced size.

use super::cache::is_commit;
use super::name::HubModel;
use super::repo_layout::is_inside;
use super::retry::{HubClock, MAX_ATTEMPTS, is_temporary, pause, retry_after};
use super::uri::{is_same_origin, percent_encode, redact_userinfo, resolve};
use crate::CheckpointError;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Uri;

/// Timeout for name resolution, for the connection, for the response, and for each read of the
/// body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Size limit of the list of files. No repository of a model comes near it.
const MAX_LISTING: u64 = 16 << 20;

const MAX_REDIRECTS: u32 = 10;

/// Range of the request for the size of a file: the response has the size in `Content-Range`.
const FIRST_BYTE: &str = "bytes=0-0";

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Client for one repository.
pub(super) struct Client<'a> {
    model: &'a HubModel,
    endpoint: String,
    /// The endpoint without user name and password.
    shown: String,
    agent: Agent,
    /// The header `Authorization`.
    authorization: Option<String>,
    pub(super) clock: Arc<dyn HubClock>,
}

/// The files of a repository at one commit.
pub(super) struct Listing {
    pub(super) commit: String,
    /// Paths of the files. Those that are not valid paths within a folder are left out.
    pub(super) names: BTreeSet<String>,
}

/// The response for the list of files.
#[derive(Deserialize)]
struct RepoInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// A file, as the Hub announces it.
pub(super) struct RemoteFile {
    /// URL on the endpoint, which may redirect to another server.
    uri: Uri,
    /// The hash of the content; a valid file name.
    pub(super) etag: String,
    pub(super) size: u64,
}

/// An HTTP response of any status.
pub(super) struct Response {
    pub(super) status: u16,
    /// The offset of the body and the size of the file, from `Content-Range`.
    pub(super) range: Option<(u64, u64)>,
    pub(super) length: Option<u64>,
    pub(super) body: Box<dyn Read>,
    location: Option<String>,
    etag: Option<String>,
    linked_etag: Option<String>,
    linked_size: Option<u64>,
    /// The pause before the next request that the server asks for.
    pub(super) retry_after: Option<Duration>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<'a> Client<'a> {
    pub(super) fn new(
        endpoint: &str,
        token: Option<&str>,
        clock: Arc<dyn HubClock>,
        model: &'a HubModel,
    ) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            // Redirects are followed here, to control which server receives the token.
            .max_redirects(0)
            .timeout_resolve(Some(READ_TIMEOUT))
            .timeout_connect(Some(READ_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT));
        Self {
            model,
            shown: redact_userinfo(&endpoint),
            endpoint,
            agent: config.build().into(),
            authorization: token.map(|token| format!("Bearer {token}")),
            clock,
        }
    }

    /// Fetches the commit of the revision and the list of its files. Files are then requested by
    /// commit, so that all are of the same commit even if the revision moves.
    pub(super) fn listing(&self) -> Result<Listing, CheckpointError> {
        const WHAT: &str = "the list of files";
        let (repository, revision) = (self.model.repository(), self.model.revision());
        let revision = percent_encode(revision);
        let uri = self.uri(&format!("api/models/{repository}/revision/{revision}"))?;
        let response = self.connected(self.retry(|| self.follow(&uri, None)))?;
        self.check(&response, WHAT)?;
        let info: RepoInfo = serde_json::from_reader(response.body.take(MAX_LISTING))
            .map_err(|e| self.unexpected(WHAT, format!("invalid JSON: {e}")))?;
        if !is_commit(&info.sha) {
            let found = format!(
                "the commit {:.80?}, expected 40 hexadecimal digits",
                info.sha
            );
            return Err(self.unexpected(WHAT, found));
        }
        let names = info.siblings.into_iter().map(|file| file.rfilename);
        Ok(Listing {
            commit: info.sha,
            names: names.filter(|name| is_inside(name)).collect(),
        })
    }

    /// Requests ETag and size of `file`, a path within the repository.
    pub(super) fn remote(&self, commit: &str, file: &str) -> Result<RemoteFile, CheckpointError> {
        let path: Vec<_> = file.split('/').map(percent_encode).collect();
        let (repository, path) = (self.model.repository(), path.join("/"));
        let mut uri = self.uri(&format!("{repository}/resolve/{commit}/{path}"))?;
        // Downloads begin at this URL, because URLs on other servers may expire.
        let mut own_uri = uri.clone();
        let mut with_token = true;
        let request = |uri: &Uri, with_token| {
            self.connected(self.retry(|| self.request(uri, Some(FIRST_BYTE), with_token)))
        };
        let mut response = request(&uri, with_token)?;
        let mut linked_etag = response.linked_etag.take();
        for _ in 0..MAX_REDIRECTS {
            // The description by the Hub takes precedence over that of the storage server.
            let next = redirect(&uri, &response).filter(|_| response.linked_size.is_none());
            let Some(next) = next else {
                break;
            };
            with_token &= is_same_origin(&uri, &next);
            uri = next;
            if with_token {
                own_uri.clone_from(&uri);
            }
            response = request(&uri, with_token)?;
            linked_etag = linked_etag.or(response.linked_etag.take());
        }
        let is_described = response.linked_size.is_some() && matches!(response.status, 300..400);
        if !is_described {
            self.check(&response, file)?;
        }
        let etag = linked_etag.or(response.etag).unwrap_or_default();
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        if !is_etag(etag) {
            return Err(self.unexpected(file, format!("the ETag {etag:.80?}, expected a hash")));
        }
        let whole = response.range.map(|(_, whole)| whole);
        let size = response.linked_size.or(whole).or(response.length);
        Ok(RemoteFile {
            uri: own_uri,
            etag: etag.to_owned(),
            size: size.ok_or_else(|| self.unexpected(file, "no file size".to_owned()))?,
        })
    }

    /// Requests the content of a file from the byte `start` on. The response may have any status.
    pub(super) fn content(&self, remote: &RemoteFile, start: u64) -> Result<Response, Failure> {
        let range = format!("bytes={start}-");
        self.follow(&remote.uri, Some(&range))
    }

    /// Checks that a request was successful (HTTP status 200 or 206).
    pub(super) fn check(&self, response: &Response, what: &str) -> Result<(), CheckpointError> {
        match response.status {
            200 | 206 => Ok(()),
            status @ (401 | 403 | 404) => Err(CheckpointError::HubNotFound {
                endpoint: self.shown.clone(),
                model: self.model.to_string(),
                what: what.to_owned(),
                status,
            }),
            status if is_temporary(status) => Err(CheckpointError::HubBusy {
                endpoint: self.shown.clone(),
                model: self.model.to_string(),
                what: what.to_owned(),
                status,
            }),
            status => Err(self.unexpected(what, format!("HTTP status {status}"))),
        }
    }

    pub(super) fn unexpected(&self, what: &str, found: String) -> CheckpointError {
        CheckpointError::HubUnexpectedResponse {
            endpoint: self.shown.clone(),
            model: self.model.to_string(),
            what: what.to_owned(),
            found,
        }
    }

    /// Builds the URL of a path on the endpoint.
    fn uri(&self, path: &str) -> Result<Uri, CheckpointError> {
        let uri = format!("{}/{path}", self.endpoint).parse();
        self.connected(uri.map_err(|e: ureq::http::uri::InvalidUri| e.into()))
    }

    /// Sends a request up to [`MAX_ATTEMPTS`] times, until the server is not busy and does not drop
    /// the connection.
    fn retry(&self, send: impl Fn() -> Result<Response, Failure>) -> Result<Response, Failure> {
        for attempt in 0..MAX_ATTEMPTS - 1 {
            let response = send();
            let retry_after = match &response {
                Ok(response) if is_temporary(response.status) => response.retry_after,
                Err(failure) if is_dropped(failure) => None,
                _ => return response,
            };
            self.clock.sleep(pause(attempt, retry_after));
        }
        send()
    }

    fn connected<T>(&self, result: Result<T, Failure>) -> Result<T, CheckpointError> {
        result.map_err(|source| CheckpointError::HubUnreachable {
            endpoint: self.shown.clone(),
            source,
        })
    }

    /// Sends a request and follows redirects. From the first redirect to another origin on,
    /// requests have no token.
    fn follow(&self, uri: &Uri, range: Option<&str>) -> Result<Response, Failure> {
        let (mut uri, mut with_token) = (uri.clone(), true);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.request(&uri, range, with_token)?;
            let Some(next) = redirect(&uri, &response) else {
                return Ok(response);
            };
            with_token &= is_same_origin(&uri, &next);
            uri = next;
        }
        Err(format!("it redirected more than {MAX_REDIRECTS} times").into())
    }

    fn request(
        &self,
        uri: &Uri,
        range: Option<&str>,
        with_token: bool,
    ) -> Result<Response, Failure> {
        // The size of a compressed response would differ from that of the file.
        let mut request = self.agent.get(uri).header("Accept-Encoding", "identity");
        if let Some(authorization) = self.authorization.as_ref().filter(|_| with_token) {
            request = request.header("Authorization", authorization);
        }
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        let response = request.call().map_err(ureq::Error::into_io)?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Response {
            status: response.status().as_u16(),
            range: header("content-range").and_then(|range| content_range(&range)),
            length: header("content-length").and_then(|length| length.parse().ok()),
            location: header("location"),
            etag: header("etag"),
            linked_etag: header("x-linked-etag"),
            linked_size: header("x-linked-size").and_then(|size| size.parse().ok()),
            retry_after: header("retry-after")
                .and_then(|after| retry_after(&after, self.clock.now())),
            body: Box::new(response.into_body().into_reader()),
        })
    }
}

/// Whether the server accepted the connection and closed it without a response.
fn is_dropped(failure: &Failure) -> bool {
    let error = failure.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        )
    })
}

/// Parses start and size from a `Content-Range`, for example `bytes 10-19/100`.
fn content_range(header: &str) -> Option<(u64, u64)> {
    let (range, whole) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, whole.trim().parse().ok()?))
}

/// Returns the target of a redirect; `None` if the response is not a redirect to a valid URL.
fn redirect(uri: &Uri, response: &Response) -> Option<Uri> {
    let location = response.location.as_deref()?;
    matches!(response.status, 300..400)
        .then(|| resolve(uri, location))
        .flatten()
}

/// Whether an ETag is valid as a file name.
fn is_etag(etag: &str) -> bool {
    const MAX_LEN: usize = 128;
    // Without a dot, because locks and partial files differ from contents by their extension.
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=MAX_LEN).contains(&etag.len()) && etag.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_headers_are_refused() {
        assert_eq!(content_range("bytes 10-19/100"), Some((10, 100)));
        for broken in ["", "bytes */100", "bytes 10-19/*", "10-19/100", "bytes -/1"] {
            assert_eq!(content_range(broken), None, "{broken:?}");
        }
        assert!(is_etag("d41d8cd9-2") && !is_etag("") && !is_etag("..") && !is_etag("a/b"));
        assert!(!is_etag("a.part") && !is_etag(&"a".repeat(129)));
    }
}
