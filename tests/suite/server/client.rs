//! A server in this process, and a client of HTTP/1.1 that shows every byte.

use crate::fixtures::faust;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wolfgang_generate::{Engine, EngineOptions, WolfgangGenerator};
use wolfgang_serve::{ApiContext, Defaults, ServeError, Server, ServerOptions, ShutdownHandle};

/// A server, which is shut down when this is dropped.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) engine: Engine,
    pub(super) shutdown: ShutdownHandle,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// Options with short times, for tests.
pub(super) fn options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.address.set_port(0);
    options.shutdown_timeout = Duration::from_secs(5);
    options
}

pub(super) fn start(engine: EngineOptions, options: ServerOptions) -> Running {
    start_with(engine, options, Defaults::default())
}

pub(super) fn start_with(
    engine: EngineOptions,
    options: ServerOptions,
    defaults: Defaults,
) -> Running {
    start_named(faust(), engine, options, defaults, "faust")
}

/// The length of a name that does not fit into the buffers of a connection, which take several
/// megabytes.
const LONG: usize = 8_000_000;

/// A server whose responses and chunks are longer than the buffers of a connection: they have the
/// name of the model.
pub(super) fn start_verbose(options: ServerOptions) -> Running {
    let name = "x".repeat(LONG);
    start_named(
        faust(),
        EngineOptions::default(),
        options,
        Defaults::default(),
        &name,
    )
}

/// A server of another model, with the default options.
pub(super) fn server_of(generator: &WolfgangGenerator) -> Running {
    start_named(
        generator,
        EngineOptions::default(),
        options(),
        Defaults::default(),
        "faust",
    )
}

fn start_named(
    generator: &WolfgangGenerator,
    engine: EngineOptions,
    options: ServerOptions,
    defaults: Defaults,
    name: &str,
) -> Running {
    let engine = Engine::new(generator.clone(), engine).unwrap();
    let context = ApiContext::new(generator.clone(), name, defaults).unwrap();
    let server = Server::bind(engine.clone(), context, options).unwrap();
    Running {
        address: server.address(),
        engine,
        shutdown: server.shutdown_handle(),
        thread: Some(std::thread::spawn(|| server.run())),
    }
}

/// A server with the default options.
pub(super) fn server() -> Running {
    start(EngineOptions::default(), options())
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.shut_down();
        self.join();
    }
}

impl Running {
    /// Waits for the end of the server.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// Sends a request with exactly these headers besides `Host` and `Content-Length`.
    pub(super) fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> TcpStream {
        let mut stream = self.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if method == "POST" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        // The server may answer, and close, before it has read the body.
        let request = [head.as_bytes(), b"\r\n", body].concat();
        let _ = stream.write_all(&request);
        stream
    }

    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let close = [headers, &[("connection", "close")]].concat();
        Reply::read(&mut BufReader::new(self.begin(method, path, &close, body)))
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Reply {
        let json = [("content-type", "application/json")];
        self.send("POST", path, &json, body.to_string().as_bytes())
    }

    /// Starts a request with a JSON body, without reading the response.
    pub(super) fn begin_post(&self, path: &str, body: &Value) -> TcpStream {
        let json = [("content-type", "application/json")];
        self.begin("POST", path, &json, body.to_string().as_bytes())
    }

    /// The events of a stream, without `[DONE]`, which is checked.
    pub(super) fn events(&self, path: &str, body: &Value) -> Vec<Value> {
        let mut body = body.clone();
        body["stream"] = true.into();
        let reply = self.post(path, &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        reply.events()
    }

    /// Waits until no choice is in progress.
    pub(super) fn wait_until_idle(&self, limit: Duration) {
        let begun = Instant::now();
        loop {
            let metrics = self.get("/metrics").text();
            if value(&metrics, "wolfgang_num_requests_in_progress") == 0.0
                && value(&metrics, "wolfgang_num_requests_running") == 0.0
            {
                return;
            }
            assert!(begun.elapsed() < limit, "{metrics}");
        }
    }

    /// Waits for a metric to have a value.
    pub(super) fn wait_for(&self, name: &str, expected: f64) {
        let begun = Instant::now();
        while value(&self.get("/metrics").text(), name) != expected {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{name} is not {expected}"
            );
        }
    }
}

/// The value of a metric.
pub(super) fn value(metrics: &str, name: &str) -> f64 {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("{name} in {metrics}"))
        .parse()
        .unwrap()
}

/// A response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn read(reader: &mut impl BufRead) -> Self {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}"));
        let status = status.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Self {
            status,
            headers,
            body: Vec::new(),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = read_chunk(reader) {
                reply.body.extend(chunk);
            }
        } else {
            let length = reply
                .header("content-length")
                .map_or(0, |n| n.parse().unwrap());
            reply.body = vec![0; length];
            reader.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The error, which must have OpenAI's form.
    #[track_caller]
    pub(super) fn error(&self) -> Value {
        let json = self.json();
        let error = json["error"]
            .as_object()
            .unwrap_or_else(|| panic!("{json}"));
        let keys: BTreeSet<_> = error.keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["code", "message", "param", "type"]));
        assert!(error["message"].is_string() && error["type"].is_string());
        json["error"].clone()
    }

    pub(super) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let events = text.strip_suffix("data: [DONE]\n\n");
        let events = events.unwrap_or_else(|| panic!("the end is {text:?}"));
        let events = events
            .split_terminator("\n\n")
            .filter(|event| !event.starts_with(": "));
        let json = |event: &str| serde_json::from_str(event.strip_prefix("data: ").unwrap());
        events.map(|event| json(event).unwrap()).collect()
    }
}

/// Reads a chunk of a chunked body; `None` at its end.
pub(super) fn read_chunk(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let length = usize::from_str_radix(line.trim_end(), 16);
    let length = length.unwrap_or_else(|_| panic!("{line:?} is no length"));
    let mut chunk = vec![0; length + 2];
    reader.read_exact(&mut chunk).unwrap();
    chunk.truncate(length);
    (length > 0).then_some(chunk)
}
