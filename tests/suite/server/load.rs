//! Overload, clients that go away, and shutdown.

use super::client::{Reply, Running, options, read_chunk, start, value};
use crate::generation::engine::endless;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};
use wolfgang_generate::EngineOptions;

const PATH: &str = "/v1/completions";

/// A server that generates one choice at a time.
fn one_at_a_time(max_choices: usize) -> Running {
    let mut options = options();
    options.max_choices = max_choices;
    start(EngineOptions::default().with_max_running(1), options)
}

fn in_progress(server: &Running) -> f64 {
    value(
        &server.get("/metrics").text(),
        "wolfgang_num_requests_in_progress",
    )
}

#[test]
fn a_client_that_goes_away_leaves_its_place() {
    let long = |stream: bool| json!({"prompt": "Ach", "max_tokens": 250, "ignore_eos": true, "temperature": 5, "stream": stream});
    let server = one_at_a_time(8);
    // Waiting, streamed or not: the engine is busy with another generation.
    let busy = endless(&server.engine);
    for stream in [true, false] {
        let client = server.begin_post(PATH, &long(stream));
        server.wait_for("wolfgang_num_requests_waiting", 1.0);
        drop(client);
        server.wait_for("wolfgang_num_requests_in_progress", 0.0);
        server.wait_for("wolfgang_num_requests_waiting", 0.0);
    }
    drop(busy);
    server.wait_until_idle(Duration::from_secs(10));
    // Running, not streamed.
    let client = server.begin_post(PATH, &long(false));
    server.wait_for("wolfgang_num_requests_running", 1.0);
    drop(client);
    server.wait_until_idle(Duration::from_secs(10));
    // Streaming.
    let mut client = BufReader::new(server.begin_post(PATH, &long(true)));
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        client.read_line(&mut line).unwrap();
    }
    drop(client);
    server.wait_until_idle(Duration::from_secs(10));
    // In the computation of the prompt.
    let prompt: Vec<u32> = (300..540).collect();
    for _ in 0..5 {
        drop(server.begin_post(PATH, &json!({"prompt": prompt, "max_tokens": 1})));
    }
    server.wait_until_idle(Duration::from_secs(10));
    let metrics = server.get("/metrics").text();
    let aborted = value(
        &metrics,
        "wolfgang_request_success_total{finished_reason=\"abort\"}",
    );
    assert!(aborted >= 4.0, "{metrics}");
}

#[test]
fn requests_beyond_the_limit_are_refused_at_once() {
    let server = one_at_a_time(3);
    let busy = endless(&server.engine);
    let body = json!({"prompt": "Ach", "max_tokens": 2, "seed": 1});
    let admitted: Vec<TcpStream> = (0..3).map(|_| server.begin_post(PATH, &body)).collect();
    server.wait_for("wolfgang_num_requests_in_progress", 3.0);
    let reply = server.post(PATH, &body);
    assert_eq!(reply.status, 429);
    assert_eq!(reply.error()["code"], "queue_full");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    // The body is not needed to refuse a request.
    let mut stream = server.connect();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(Reply::read(&mut BufReader::new(stream)).status, 429);
    assert_eq!(server.get("/health").status, 200);
    drop(busy);
    for stream in admitted {
        assert_eq!(Reply::read(&mut BufReader::new(stream)).status, 200);
    }
    let reply = server.post(PATH, &json!({"prompt": "Ach", "n": 4}));
    assert_eq!(reply.status, 400, "more choices than there is room for");
    assert_eq!(reply.error()["param"], "n");
}

/// Requests without a generation have a limit of their own.
#[test]
fn requests_of_the_tokenizer_are_bounded() {
    let bodies = [
        ("/tokenize", json!({"prompt": "Ach"})),
        ("/detokenize", json!({"tokens": [300]})),
        (
            "/apply-template",
            json!({"messages": [{"role": "user", "content": "Ach"}]}),
        ),
    ];
    let limited_to = |limit| {
        let mut options = options();
        options.max_token_requests = limit;
        start(EngineOptions::default(), options)
    };
    let full = limited_to(0);
    for (path, body) in &bodies {
        let refused = full.post(path, body);
        assert_eq!(refused.status, 429, "{path}");
        assert_eq!(refused.error()["code"], "queue_full");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("x-should-retry"), Some("true"));
    }
    // A generation has another limit.
    let generated = full.post(PATH, &json!({"prompt": "Ach", "max_tokens": 1}));
    assert_eq!(generated.status, 200);
    // A body that is incomplete takes no place, and a place is free again after the response.
    let server = limited_to(1);
    let mut incomplete = server.connect();
    let head = format!(
        "POST /tokenize HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n",
        server.address
    );
    incomplete.write_all(head.as_bytes()).unwrap();
    for (path, body) in bodies.iter().chain(&bodies) {
        assert_eq!(server.post(path, body).status, 200, "{path}");
    }
}

#[test]
fn idle_and_half_open_connections_are_closed() {
    let mut hasty = options();
    hasty.header_timeout = Duration::from_millis(50);
    hasty.idle_timeout = Duration::from_millis(300);
    let server = start(EngineOptions::default(), hasty);
    let closed_after = |mut stream: TcpStream| {
        let begun = Instant::now();
        // The end or an error.
        let _ = stream.read_to_end(&mut Vec::new());
        begun.elapsed()
    };
    assert!(closed_after(server.connect()) < Duration::from_secs(10));
    let mut half = server.connect();
    half.write_all(b"GET /health HTTP/1.1\r\nhost: lo").unwrap();
    assert!(closed_after(half) < Duration::from_secs(10));
    // Between two requests there is more time.
    let idle = server.begin("GET", "/health", &[], b"");
    let mut reader = BufReader::new(idle);
    assert_eq!(Reply::read(&mut reader).status, 200);
    let waited = closed_after(reader.into_inner());
    let (least, most) = (Duration::from_millis(200), Duration::from_secs(10));
    assert!((least..most).contains(&waited), "{waited:?}");
}

#[test]
fn a_shutdown_lets_running_requests_finish() {
    let mut server = one_at_a_time(8);
    let body = json!({"prompt": "Ach", "max_tokens": 100, "ignore_eos": true, "temperature": 5, "stream": true});
    let mut running = BufReader::new(server.begin_post(PATH, &body));
    server.wait_for("wolfgang_num_requests_running", 1.0);
    let idle = server.connect();
    let mut half = server.connect();
    half.write_all(b"POST /v1/comp").unwrap();
    server.shutdown.shut_down();
    let reply = server.get("/ready");
    assert_eq!(reply.status, 503);
    let refused = server.post(PATH, &json!({"prompt": "Ach"}));
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    assert!(refused.header("retry-after").is_some());
    let reply = Reply::read(&mut running);
    let events = reply.events();
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
    let begun = Instant::now();
    server.join();
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "connections without a request delay nothing"
    );
    drop((idle, half));
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn requests_that_do_not_finish_in_time_end_with_an_error() {
    let mut options = options();
    options.shutdown_timeout = Duration::from_millis(50);
    let mut server = start(EngineOptions::default().with_max_running(1), options);
    let busy = endless(&server.engine);
    let body = |stream: bool| json!({"prompt": "Ach", "stream": stream});
    let mut streaming = BufReader::new(server.begin_post(PATH, &body(true)));
    let mut whole = BufReader::new(server.begin_post(PATH, &body(false)));
    server.wait_for("wolfgang_num_requests_waiting", 2.0);
    server.shutdown.shut_down();
    let events = Reply::read(&mut streaming).events();
    assert_eq!(events.last().unwrap()["error"]["code"], "shutting_down");
    let reply = Reply::read(&mut whole);
    assert_eq!(
        (reply.status, &reply.error()["code"]),
        (503, &json!("shutting_down"))
    );
    server.join();
    drop(busy);
}

/// The head of a stream does not wait for the engine, and comments keep a silent stream open.
#[test]
fn streams_begin_at_once() {
    let mut pinging = options();
    pinging.ping_interval = Duration::from_millis(30);
    let server = start(EngineOptions::default().with_max_running(1), pinging);
    let busy = endless(&server.engine);
    let body = json!({"messages": [{"role": "user", "content": "Ach"}], "stream": true});
    let mut stream = BufReader::new(server.begin_post("/v1/chat/completions", &body));
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    let first = String::from_utf8(read_chunk(&mut stream).unwrap()).unwrap();
    assert!(first.contains("\"role\":\"assistant\""), "{first}");
    assert_eq!(read_chunk(&mut stream).unwrap(), b": ping\n\n");
    assert_eq!(in_progress(&server), 1.0);
    stream.get_ref().shutdown(Shutdown::Both).unwrap();
    drop(busy);
}
