//! What the Hub is asked, and what it answers.

use super::address::{Redirect, escaped, resolve, without_password};
use super::cache::is_commit;
use super::choice::is_inside;
use super::retry::{ATTEMPTS, HubClock, is_temporary, pause, retry_after};
use super::{Hub, HubModel};
use crate::CheckpointError;
use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for a connection, or for the next bytes of a response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A longer list of files is no model's.
const MAX_LISTING: u64 = 16 << 20;

const MAX_REDIRECTS: u32 = 10;

/// Enough to be told the length of the whole.
const FIRST_BYTE: &str = "bytes=0-0";

/// Asks the Hub about one repository.
pub(super) struct Client<'a> {
    model: &'a HubModel,
    endpoint: String,
    /// The endpoint without a password.
    shown: String,
    api: Api,
    repo: ApiRepo,
    pub(super) clock: Arc<dyn HubClock>,
}

/// A repository at one commit.
pub(super) struct Listing {
    pub(super) commit: String,
    /// Only those that can be paths within a folder.
    pub(super) names: BTreeSet<String>,
}

/// A file, as the Hub announces it.
pub(super) struct RemoteFile {
    /// Where the endpoint's server has it, or where it leads on to another server from.
    url: String,
    /// What stands for its content: characters of a plain name.
    pub(super) etag: String,
    pub(super) size: u64,
}

/// An HTTP response of any status.
pub(super) struct Response {
    pub(super) status: u16,
    /// The first byte of the body and the length of the whole, of a response in parts.
    pub(super) range: Option<(u64, u64)>,
    pub(super) length: Option<u64>,
    pub(super) body: Box<dyn Read>,
    location: Option<String>,
    etag: Option<String>,
    linked_etag: Option<String>,
    linked_size: Option<u64>,
    /// How long to wait before the next request.
    pub(super) retry_after: Option<Duration>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<'a> Client<'a> {
    pub(super) fn new(hub: &Hub, model: &'a HubModel) -> Result<Self, CheckpointError> {
        let endpoint = hub.endpoint.trim_end_matches('/').to_owned();
        let shown = without_password(&endpoint);
        let api = ApiBuilder::from_cache(Cache::new(hub.cache.clone()))
            .with_endpoint(endpoint.clone())
            .with_token(hub.token.clone())
            .with_user_agent(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|e| CheckpointError::HubUnreachable {
                endpoint: shown.clone(),
                source: e.into(),
            })?;
        let repo = api.repo(repo(model, model.revision()));
        Ok(Self {
            model,
            endpoint,
            shown,
            api,
            repo,
            clock: hub.clock.clone(),
        })
    }

    /// The commit that the revision is, and its files. From then on this commit is asked about, whatever happens to
    /// the revision.
    pub(super) fn listing(&mut self) -> Result<Listing, CheckpointError> {
        const WHAT: &str = "the list of files";
        let path = repo(self.model, self.model.revision()).api_url();
        let url = format!("{}/api/{path}", self.endpoint);
        let response = self.reached(self.ask_again(|| self.follow(&url, None)))?;
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
        self.repo = self.api.repo(repo(self.model, &info.sha));
        let names = info.siblings.into_iter().map(|file| file.rfilename);
        Ok(Listing {
            commit: info.sha,
            names: names.filter(|name| is_inside(name)).collect(),
        })
    }

    /// What the Hub says about `file`, a path within the repository.
    pub(super) fn remote(&self, file: &str) -> Result<RemoteFile, CheckpointError> {
        let path: Vec<_> = file.split('/').map(escaped).collect();
        let mut url = self.repo.url(&path.join("/"));
        // Where the content is asked for later: addresses on other servers may hold for a moment only.
        let mut own_url = url.clone();
        let mut with_token = true;
        let ask = |url: &str, with_token| {
            self.reached(self.ask_again(|| self.request(url, Some(FIRST_BYTE), with_token)))
        };
        let mut response = ask(&url, with_token)?;
        let mut linked_etag = response.linked_etag.take();
        for _ in 0..MAX_REDIRECTS {
            // The Hub's own description of the content takes precedence over that of the storage server.
            let next = redirect(&url, &response).filter(|_| response.linked_size.is_none());
            let Some(next) = next else {
                break;
            };
            with_token &= next.same_server;
            url = next.url;
            if with_token {
                own_url.clone_from(&url);
            }
            response = ask(&url, with_token)?;
            linked_etag = linked_etag.or(response.linked_etag.take());
        }
        let elsewhere = response.linked_size.is_some() && matches!(response.status, 300..400);
        if !elsewhere {
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
            url: own_url,
            etag: etag.to_owned(),
            size: size.ok_or_else(|| self.unexpected(file, "no file size".to_owned()))?,
        })
    }

    /// The content of a file from the byte `start` on, or whatever the server sends instead.
    pub(super) fn content(&self, remote: &RemoteFile, start: u64) -> Result<Response, Failure> {
        let range = format!("bytes={start}-");
        self.follow(&remote.url, Some(&range))
    }

    /// Turns the answers without content into errors.
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

    /// Repeats a request, a few times at most, while the server is busy or drops the connection before it answers.
    fn ask_again(&self, ask: impl Fn() -> Result<Response, Failure>) -> Result<Response, Failure> {
        for attempt in 0..ATTEMPTS - 1 {
            let response = ask();
            let retry_after = match &response {
                Ok(response) if is_temporary(response.status) => response.retry_after,
                Err(failure) if is_dropped(failure) => None,
                _ => return response,
            };
            self.clock.sleep(pause(attempt, retry_after));
        }
        ask()
    }

    fn reached(&self, response: Result<Response, Failure>) -> Result<Response, CheckpointError> {
        response.map_err(|source| CheckpointError::HubUnreachable {
            endpoint: self.shown.clone(),
            source,
        })
    }

    /// Goes wherever the Hub leads to, without the token from where it leads to another server.
    fn follow(&self, url: &str, range: Option<&str>) -> Result<Response, Failure> {
        let (mut url, mut with_token) = (url.to_owned(), true);
        for _ in 0..MAX_REDIRECTS {
            let response = self.request(&url, range, with_token)?;
            let Some(next) = redirect(&url, &response) else {
                return Ok(response);
            };
            with_token &= next.same_server;
            url = next.url;
        }
        Err(format!("it redirected more than {MAX_REDIRECTS} times").into())
    }

    fn request(
        &self,
        url: &str,
        range: Option<&str>,
        with_token: bool,
    ) -> Result<Response, Failure> {
        // The one request of hf-hub that can be changed before it is sent; with it come its client, token and all.
        let mut request = self.repo.info_request().uri(url);
        if let Some(headers) = request.headers_mut().filter(|_| !with_token) {
            headers.remove("Authorization");
        }
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        // A compressed response would have another length than the file.
        let response = request
            .header("Accept-Encoding", "identity")
            .config()
            .http_status_as_error(false)
            // To its client another port is the same server.
            .max_redirects(0)
            .timeout_resolve(Some(READ_TIMEOUT))
            .timeout_connect(Some(READ_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .build()
            .call()
            .map_err(|error| error.into_io())?;
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

fn repo(model: &HubModel, revision: &str) -> Repo {
    let repository = model.repository().to_owned();
    Repo::with_revision(repository, RepoType::Model, revision.to_owned())
}

/// Whether there was a connection, which ended before a response came.
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

/// The start and the whole of `bytes 10-19/100`.
fn content_range(header: &str) -> Option<(u64, u64)> {
    let (range, whole) = header.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, whole.trim().parse().ok()?))
}

/// Where the response to `url` leads to, if it does.
fn redirect(url: &str, response: &Response) -> Option<Redirect> {
    let location = response.location.as_deref();
    location
        .filter(|_| matches!(response.status, 300..400))
        .and_then(|to| resolve(url, to))
}

/// Whether what a server calls a file's content can be the name of a file.
fn is_etag(etag: &str) -> bool {
    const MAX_LEN: usize = 128;
    // No dot: locks and parts are told from contents by their extension.
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=MAX_LEN).contains(&etag.len()) && etag.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_send_is_read_strictly() {
        assert_eq!(content_range("bytes 10-19/100"), Some((10, 100)));
        for broken in ["", "bytes */100", "bytes 10-19/*", "10-19/100", "bytes -/1"] {
            assert_eq!(content_range(broken), None, "{broken:?}");
        }
        assert!(is_etag("d41d8cd9-2") && !is_etag("") && !is_etag("..") && !is_etag("a/b"));
        assert!(!is_etag("a.part") && !is_etag(&"a".repeat(129)));
    }
}
