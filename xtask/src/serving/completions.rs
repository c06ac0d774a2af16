//! A client of `/v1/completions`.

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::{Agent, Body};

/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A client with a connection for each request: llama-server closes kept connections at any time.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

/// A request, with the same sampling options for every server.
#[derive(Clone)]
pub(crate) struct Completion {
    pub(crate) prompt: Value,
    pub(crate) max_tokens: usize,
    pub(crate) seed: u64,
    pub(crate) stream: bool,
}

/// What a client received.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The generated text; of another status than 200, the body.
    pub(crate) text: String,
    /// The generated ids, if the request asked for them.
    pub(crate) ids: Vec<u32>,
    /// Number of generated tokens, as the server counted them.
    pub(crate) tokens: usize,
    pub(crate) sent: Instant,
    /// The arrivals of the pieces of text.
    pub(crate) pieces: Vec<Instant>,
    pub(crate) ended: Instant,
}

/// A completion, or a chunk of one.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    text: String,
    finish_reason: Option<String>,
    #[serde(default)]
    token_ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Usage {
    completion_tokens: usize,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(0)
            .max_idle_connections_per_host(0);
        Self {
            agent: config.build().into(),
            base: format!("http://{address}"),
        }
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<u16> {
        let mut response = self.agent.get(format!("{}{path}", self.base)).call()?;
        response.body_mut().read_to_string()?;
        Ok(response.status().as_u16())
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection fails, or an answer with status 200 is not complete.
    pub(crate) fn complete(&self, request: &Completion) -> anyhow::Result<Answer> {
        self.complete_body(&request.body())
    }

    /// As [`complete`](Self::complete), with the body of a request.
    ///
    /// # Errors
    /// Those of [`complete`](Self::complete).
    pub(crate) fn complete_body(&self, body: &Value) -> anyhow::Result<Answer> {
        let sent = Instant::now();
        let response = self.send(body)?;
        let mut answer = Answer {
            status: response.status().as_u16(),
            text: String::new(),
            ids: Vec::new(),
            tokens: 0,
            sent,
            pieces: Vec::new(),
            ended: sent,
        };
        let is_streamed = body["stream"] == Value::Bool(true);
        let is_finished = match (answer.status, is_streamed) {
            (200, true) => answer.read_stream(response)?,
            (200, false) => {
                let body = response.into_body().read_to_vec()?;
                answer.add(&body)?
            }
            _ => {
                answer.text = response.into_body().read_to_string()?;
                true
            }
        };
        answer.ended = Instant::now();
        ensure!(is_finished, "the answer has no finish_reason");
        Ok(answer)
    }

    /// Sends a request, and closes the connection after this many lines of the answer.
    ///
    /// # Errors
    /// The connection fails before.
    pub(crate) fn abandon(&self, body: &Value, lines: usize) -> anyhow::Result<()> {
        let response = self.send(body)?;
        let answer = BufReader::new(response.into_body().into_reader());
        for line in answer.lines().take(lines) {
            line?;
        }
        Ok(())
    }

    fn send(&self, body: &Value) -> anyhow::Result<Response<Body>> {
        let request = self.agent.post(format!("{}/v1/completions", self.base));
        let request = request.header("Content-Type", "application/json");
        Ok(request.send(&serde_json::to_vec(body)?)?)
    }
}

impl Completion {
    /// The names of OpenAI, and of llama-server for the others.
    fn body(&self) -> Value {
        let mut body = json!({
            "prompt": self.prompt, "max_tokens": self.max_tokens, "seed": self.seed,
            "temperature": 0.8, "top_k": 40, "top_p": 1.0, "min_p": 0.0, "ignore_eos": true,
            "stream": self.stream,
        });
        if self.stream {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }
}

impl Answer {
    /// Reads server-sent events. Returns whether one of them has a finish reason.
    fn read_stream(&mut self, response: Response<Body>) -> anyhow::Result<bool> {
        // Without a limit: the body is read as it arrives.
        let mut lines = BufReader::new(response.into_body().into_reader());
        let mut line = String::new();
        let mut is_finished = false;
        loop {
            line.clear();
            let length = lines.read_line(&mut line)?;
            ensure!(length > 0, "the stream ended without [DONE]");
            match line.trim_end().strip_prefix("data: ") {
                Some("[DONE]") => break,
                Some(event) => is_finished |= self.add(event.as_bytes())?,
                None => {}
            }
        }
        // To its end: a server can see a connection that is closed earlier as given up.
        lines.read_to_string(&mut line)?;
        Ok(is_finished)
    }

    /// Adds a body or an event. Returns whether it has a finish reason.
    fn add(&mut self, json: &[u8]) -> anyhow::Result<bool> {
        let chunk: Chunk = serde_json::from_slice(json)
            .with_context(|| format!("unexpected: {}", String::from_utf8_lossy(json)))?;
        let mut is_finished = false;
        for choice in chunk.choices {
            if !choice.text.is_empty() {
                self.pieces.push(Instant::now());
            }
            self.text.push_str(&choice.text);
            self.ids.extend(choice.token_ids);
            is_finished |= choice.finish_reason.is_some();
        }
        if let Some(usage) = chunk.usage {
            self.tokens = usage.completion_tokens;
        }
        Ok(is_finished)
    }

    /// Seconds from the request to the first text.
    pub(crate) fn first_piece(&self) -> Option<f64> {
        let first = self.pieces.first()?;
        Some((*first - self.sent).as_secs_f64())
    }

    /// Seconds from the request to the end of the answer.
    pub(crate) fn duration(&self) -> f64 {
        (self.ended - self.sent).as_secs_f64()
    }
}
