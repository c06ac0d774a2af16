//! A fake Hugging Face Hub on this machine, which can simulate faults of the network.

use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The one repository that it has.
pub(crate) const REPOSITORY: &str = "goethe/tiny";

pub(crate) const TOKEN: &str = "hf_onlyForTheEndpoint";

/// What `main` is.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files from this size on lie elsewhere, as the Hub has it for large ones.
const LARGE: usize = 100_000;

type Files = BTreeMap<String, Vec<u8>>;

/// What the server has, and what is wrong with it.
#[derive(Clone, Default)]
pub(crate) struct Content {
    /// The commit and the files of each revision.
    pub(crate) revisions: BTreeMap<String, (String, Files)>,
    /// Whether it requires [`TOKEN`].
    pub(crate) gated: bool,
    /// The server that has large files, if it is another.
    pub(crate) elsewhere: Option<String>,
    /// Closes the connection before this byte of a large file, this many times.
    pub(crate) breaks_off: Option<(usize, u32)>,
    /// Responds to requests for large files with 503 and `Retry-After: 0`, this many times.
    pub(crate) busy: u32,
    /// Announces large files with another size.
    pub(crate) announces: Option<usize>,
    /// Answers a request for a part with the whole.
    pub(crate) ignores_range: bool,
    /// Calls the content of every file this.
    pub(crate) etag: Option<String>,
    /// Responds to the next requests with these statuses, with a `Retry-After` if there is one.
    pub(crate) temporary: VecDeque<(u16, Option<&'static str>)>,
    /// Closes the next connections without an answer.
    pub(crate) drops: u32,
    /// Answers requests for files with this redirect to the same path of another server.
    pub(crate) mirrors: Option<(u16, String)>,
    /// Responds to every request with this.
    pub(crate) answers: Option<(u16, &'static str)>,
}

impl Content {
    /// These files on `main`.
    pub(crate) fn new<const N: usize>(files: [(&str, Vec<u8>); N]) -> Self {
        let mut content = Self::default();
        content.commit("main", COMMIT, files);
        content
    }

    pub(crate) fn commit<const N: usize>(
        &mut self,
        revision: &str,
        commit: &str,
        files: [(&str, Vec<u8>); N],
    ) {
        let files = files.map(|(name, bytes)| (name.to_owned(), bytes));
        let commit = (commit.to_owned(), Files::from(files));
        self.revisions.insert(revision.to_owned(), commit);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) authorization: Option<String>,
}

impl Request {
    /// Whether it is for content, and not for what is known of a file.
    pub(crate) fn is_download(&self) -> bool {
        self.path.contains("/resolve/") && self.range.as_deref() != Some("bytes=0-0")
    }

    /// The last part of the path.
    pub(crate) fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }
}

/// Runs until the test program ends.
pub(crate) struct HubServer {
    pub(crate) url: String,
    content: Arc<Mutex<Content>>,
    log: Arc<Mutex<Vec<Request>>>,
}

impl HubServer {
    pub(crate) fn start(content: Content) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let content = Arc::new(Mutex::new(content));
        let log = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            url,
            content: content.clone(),
            log: log.clone(),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (content, log) = (content.clone(), log.clone());
                std::thread::spawn(move || serve(&stream.unwrap(), &content, &log));
            }
        });
        server
    }

    /// Changes what it has or does from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.content.lock().unwrap());
    }

    /// The requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Those of [`requests`](Self::requests) that were for content, as file and range.
    pub(crate) fn downloads(&self) -> Vec<(String, String)> {
        let requests = self.requests().into_iter();
        let downloads = requests.filter(Request::is_download);
        downloads
            .map(|r| (r.file().to_owned(), r.range.unwrap_or_default()))
            .collect()
    }
}

/// Reads one request and answers it. The client may be gone at any time.
fn serve(stream: &TcpStream, content: &Mutex<Content>, log: &Mutex<Vec<Request>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else {
        return;
    };
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut request = Request {
        path,
        range: None,
        authorization: None,
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.to_owned()),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    log.lock().unwrap().push(request.clone());
    let mut content = content.lock().unwrap();
    if content.drops > 0 {
        content.drops -= 1;
        return;
    }
    let answer = answer(&request, &mut content);
    drop(content);
    let _ = answer.send(stream);
}

#[derive(Default)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// How much of the body is sent before the connection breaks.
    sent: Option<usize>,
}

impl Answer {
    fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn send(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} .\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body[..self.sent.unwrap_or(self.body.len())])
    }
}

fn answer(request: &Request, content: &mut Content) -> Answer {
    if let Some((status, body)) = content.answers {
        let body = body.as_bytes().to_vec();
        return Answer {
            body,
            ..Answer::status(status)
        };
    }
    if let Some((status, retry_after)) = content.temporary.pop_front() {
        let answer = Answer::status(status);
        return match retry_after {
            Some(retry_after) => answer.header("Retry-After", retry_after),
            None => answer,
        };
    }
    if let Some((status, server)) = &content.mirrors
        && request.path.contains("/resolve/")
    {
        let location = format!("{server}{}", request.path);
        return Answer::status(*status).header("Location", location);
    }
    // Large files need no token.
    if let Some(etag) = request.path.strip_prefix("/large/") {
        if content.busy > 0 {
            content.busy -= 1;
            return Answer::status(503).header("Retry-After", 0);
        }
        let mut files = content
            .revisions
            .values()
            .flat_map(|(_, files)| files.values());
        return match files.find(|bytes| hash(bytes) == etag).cloned() {
            Some(bytes) => send(request, content, &bytes),
            None => Answer::status(404),
        };
    }
    let token = format!("Bearer {TOKEN}");
    if content.gated && request.authorization.as_ref() != Some(&token) {
        return Answer::status(401);
    }
    find(request, content).unwrap_or_else(|| Answer::status(404))
}

fn find(request: &Request, content: &mut Content) -> Option<Answer> {
    let listing = format!("/api/models/{REPOSITORY}/revision/");
    if let Some(revision) = request.path.strip_prefix(&listing) {
        let (commit, files) = content.revisions.get(&revision.replace("%2F", "/"))?;
        let names: Vec<_> = files
            .keys()
            .map(|name| json!({ "rfilename": name }))
            .collect();
        let body = json!({ "id": REPOSITORY, "sha": commit, "siblings": names });
        return Some(Answer {
            body: body.to_string().into_bytes(),
            ..Answer::status(200)
        });
    }
    let (small, rest) = match request.path.strip_prefix("/small/") {
        Some(rest) => (true, rest),
        None => (false, request.path.strip_prefix('/')?),
    };
    let rest = rest.strip_prefix(&format!("{REPOSITORY}/resolve/"))?;
    let (commit, file) = rest.split_once('/')?;
    let (_, files) = content.revisions.values().find(|(c, _)| c == commit)?;
    let bytes = files.get(&file.replace("%20", " "))?.clone();
    let etag = content.etag.clone().unwrap_or_else(|| hash(&bytes));
    if bytes.len() >= LARGE {
        let size = content.announces.unwrap_or(bytes.len());
        let elsewhere = content.elsewhere.as_deref().unwrap_or_default();
        let location = format!("{elsewhere}/large/{}", hash(&bytes));
        let moved = Answer::status(302).header("Location", location);
        let moved = moved.header("X-Linked-Etag", format!("\"{etag}\""));
        Some(
            moved
                .header("X-Linked-Size", size)
                .header("ETag", "\"of-the-redirect\""),
        )
    } else if small {
        Some(send(request, content, &bytes).header("ETag", format!("W/\"{etag}\"")))
    } else {
        let location = format!("/small{}", request.path);
        Some(Answer::status(307).header("Location", location))
    }
}

/// The requested range of bytes.
fn send(request: &Request, content: &mut Content, bytes: &[u8]) -> Answer {
    let whole = bytes.len();
    let range = request.range.as_ref().filter(|_| !content.ignores_range);
    let Some(range) = range else {
        return broken(content, 0, bytes, Answer::status(200));
    };
    let (start, end) = range
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let start: usize = start.parse().unwrap();
    let end = end.parse().map_or(whole, |last: usize| whole.min(last + 1));
    if start >= end {
        return Answer::status(416).header("Content-Range", format!("bytes */{whole}"));
    }
    let range = format!("bytes {start}-{}/{whole}", end - 1);
    let answer = Answer::status(206).header("Content-Range", range);
    broken(content, start, &bytes[start..end], answer)
}

/// `answer` with `body`, which begins at byte `start` of its file, cut where the connection is to
/// break.
fn broken(content: &mut Content, start: usize, body: &[u8], mut answer: Answer) -> Answer {
    if let Some((at, times @ 1..)) = &mut content.breaks_off
        && (start..start + body.len()).contains(at)
        && body.len() > 1
    {
        answer.sent = Some(*at - start);
        *times -= 1;
    }
    answer.body = body.to_vec();
    answer
}

/// The ETag of a content.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
