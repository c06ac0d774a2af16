//! Clients that send or read slowly, or send more than they should.

use super::client::{Reply, Running, options, start, start_verbose, value};
use crate::generation::engine::endless;
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use wolfgang_generate::EngineOptions;

const PATH: &str = "/v1/completions";

const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends a request to a server whose responses are longer than the buffers of the connection, and
/// waits until the engine has finished.
fn begin_unread(server: &Running, stream: bool) -> TcpStream {
    let body = json!({"prompt": "Ach", "max_tokens": 200, "logprobs": 20, "ignore_eos": true,
        "seed": 1, "stream": stream});
    let client = server.begin_post(PATH, &body);
    server.wait_for("wolfgang_generation_tokens_total", 200.0);
    server.wait_for("wolfgang_num_requests_in_progress", 0.0);
    assert_eq!(gauge(server, "wolfgang_num_requests_unsent"), 1.0);
    client
}

fn gauge(server: &Running, name: &str) -> f64 {
    value(&server.get("/metrics").text(), name)
}

/// Sends bytes after the head of a request.
fn begin_with(server: &Running, headers: &str, rest: &[u8]) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}\r\n\r\n",
        server.address
    );
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(&[head.as_bytes(), rest].concat());
    stream
}

/// Sends a request, and `extra` right after it.
fn begin_and_send(server: &Running, body: &Value, extra: &[u8]) -> TcpStream {
    let body = body.to_string();
    let length = format!("content-length: {}", body.len());
    begin_with(server, &length, &[body.as_bytes(), extra].concat())
}

#[test]
fn a_slow_reader_holds_no_place_in_the_engine() {
    let server = start_verbose(options());
    let client = begin_unread(&server, true);
    assert_eq!(server.get("/health").status, 200);
    let events = Reply::read(&mut BufReader::new(client)).events();
    let choices = events.iter().map(|event| &event["choices"][0]);
    let tokens = choices.filter_map(|choice| choice["logprobs"]["tokens"].as_array());
    let tokens: Vec<usize> = tokens.map(Vec::len).collect();
    assert_eq!(tokens.iter().sum::<usize>(), 200);
    // What had accumulated was rendered in pieces.
    assert!(tokens.iter().all(|n| *n <= 80), "{tokens:?}");
    assert!(tokens.iter().any(|n| *n >= 40), "{tokens:?}");
    server.wait_for("wolfgang_num_requests_unsent", 0.0);
}

/// A client that reads nothing does not delay others, and is disconnected.
#[test]
fn clients_that_read_nothing_are_disconnected() {
    let mut options = options();
    options.write_timeout = Duration::from_millis(500);
    let server = start_verbose(options);
    for stream in [true, false] {
        let body = json!({"prompt": "Ach", "max_tokens": 1, "stream": stream});
        let silent = server.begin_post(PATH, &body);
        server.wait_for("wolfgang_num_requests_unsent", 1.0);
        assert_eq!(server.get("/health").status, 200);
        server.wait_for("wolfgang_num_requests_unsent", 0.0);
        server.wait_for("wolfgang_http_connections", 1.0);
        drop(silent);
    }
}

#[test]
fn a_shutdown_waits_for_responses_that_are_being_sent() {
    for stream in [false, true] {
        let mut options = options();
        options.shutdown_timeout = Duration::from_secs(60);
        let mut server = start_verbose(options);
        let client = begin_unread(&server, stream);
        server.shutdown.shut_down();
        // Longer than connections without a request have.
        std::thread::sleep(Duration::from_millis(1300));
        let reply = Reply::read(&mut BufReader::new(client));
        let last = match stream {
            true => reply.events().pop().unwrap(),
            false => reply.json(),
        };
        assert_eq!(last["choices"][0]["finish_reason"], "length");
        server.join();
    }
}

#[test]
fn a_shutdown_does_not_wait_for_clients_that_read_nothing() {
    for stream in [false, true] {
        let mut options = options();
        options.shutdown_timeout = Duration::from_secs(100);
        options.write_timeout = Duration::from_millis(500);
        let mut server = start_verbose(options);
        let body = json!({"prompt": "Ach", "max_tokens": 1, "stream": stream});
        let client = server.begin_post(PATH, &body);
        server.wait_for("wolfgang_num_requests_unsent", 1.0);
        server.shutdown.shut_down();
        let begun = Instant::now();
        server.join();
        assert!(begun.elapsed() < Duration::from_secs(60));
        drop(client);
    }
}

#[test]
fn a_body_that_does_not_arrive_holds_no_place() {
    let mut options = options();
    options.max_choices = 1;
    options.shutdown_timeout = Duration::from_secs(20);
    let mut server = start(EngineOptions::default(), options);
    let slow = begin_with(&server, "content-length: 100", b"{\"prompt\":");
    server.wait_for("wolfgang_http_connections", 2.0);
    let body = json!({"prompt": "Ach", "max_tokens": 1});
    for _ in 0..3 {
        assert_eq!(server.post(PATH, &body).status, 200);
    }
    server.shutdown.shut_down();
    let begun = Instant::now();
    let reply = Reply::read(&mut BufReader::new(slow));
    assert_eq!(reply.status, 503);
    assert_eq!(reply.error()["code"], "shutting_down");
    server.join();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// A client closes its connection after bytes that follow its request.
#[test]
fn a_client_that_goes_away_is_noticed_whatever_it_has_sent() {
    let long = |stream: bool| json!({"prompt": "Ach", "max_tokens": 250, "ignore_eos": true, "temperature": 5, "stream": stream});
    let extra: [&[u8]; 3] = [b"\r\n", b"GET /health HTTP/1.1\r\n", &[b'x'; 100_000]];
    let server = start(EngineOptions::default().with_max_running(1), options());
    let mut gone = 0.0;
    // Waiting.
    let busy = endless(&server.engine);
    for extra in extra {
        for stream in [true, false] {
            let client = begin_and_send(&server, &long(stream), extra);
            if extra.len() < 1000 {
                server.wait_for("wolfgang_num_requests_waiting", 1.0);
            }
            drop(client);
            gone += 1.0;
            server.wait_for(ABORTED, gone);
            server.wait_for("wolfgang_num_requests_in_progress", 0.0);
        }
    }
    drop(busy);
    server.wait_until_idle(Duration::from_secs(10));
    // Generating.
    for extra in extra {
        for stream in [true, false] {
            let client = begin_and_send(&server, &long(stream), extra);
            if extra.len() < 1000 {
                server.wait_for("wolfgang_num_requests_running", 1.0);
            }
            drop(client);
            gone += 1.0;
            server.wait_for(ABORTED, gone);
            server.wait_until_idle(Duration::from_secs(10));
        }
    }
    server.wait_for("wolfgang_num_requests_unsent", 0.0);
    server.wait_for("wolfgang_http_connections", 1.0);
}

const ABORTED: &str = "wolfgang_request_success_total{finished_reason=\"abort\"}";

#[test]
fn a_client_that_goes_away_is_noticed_while_its_prompt_is_computed() {
    let engine = EngineOptions::default().with_max_prefill_rows(std::num::NonZero::new(1));
    let server = start(engine, options());
    let busy = endless(&server.engine);
    for (extra, gone) in [("", 1.0), ("GET / HTTP/1.1\r\n", 2.0)] {
        let prompt: Vec<u32> = (300..540).collect();
        let body = json!({"prompt": prompt, "max_tokens": 1});
        let client = begin_and_send(&server, &body, extra.as_bytes());
        server.wait_for("wolfgang_num_requests_running", 2.0);
        drop(client);
        server.wait_for(ABORTED, gone);
        server.wait_for("wolfgang_num_requests_running", 1.0);
    }
    drop(busy);
}

#[test]
fn requests_that_follow_another_are_answered_in_order() {
    let server = start(EngineOptions::default().with_max_running(1), options());
    let busy = endless(&server.engine);
    let body = json!({"prompt": "Ach", "max_tokens": 2});
    let mut client = begin_and_send(&server, &body, b"GET /hea");
    server.wait_for("wolfgang_num_requests_waiting", 1.0);
    let rest = format!("lth HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    client.write_all(rest.as_bytes()).unwrap();
    client.write_all(b"GET /ready HTTP/1.1\r\n").unwrap();
    server.wait_for("wolfgang_num_requests_waiting", 1.0);
    drop(busy);
    let mut client = BufReader::new(client);
    assert!(Reply::read(&mut client).json()["choices"].is_array());
    assert_eq!(Reply::read(&mut client).json()["status"], "ok");
    let rest = b"host: localhost\r\nconnection: close\r\n\r\n";
    client.get_mut().write_all(rest).unwrap();
    assert_eq!(Reply::read(&mut client).json()["status"], "ready");
    assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 0);
}

/// A client that sends its whole body before it reads gets the error all the same.
#[test]
fn errors_before_the_end_of_the_body_reach_the_client() {
    let mut options = options().with_api_keys(["key"]).unwrap();
    options.max_choices = 1;
    options.max_body_bytes = 1 << 30;
    let server = start(EngineOptions::default().with_max_running(1), options);
    let busy = endless(&server.engine);
    let key = ("x-api-key", "key");
    let waiting = server.begin("POST", PATH, &[JSON, key], b"{\"prompt\": \"Ach\"}");
    let body = vec![b' '; 8_000_000];
    let check = |method: &str, path: &str, headers: &[(&str, &str)], status: u16| {
        let mut stream = server.connect();
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        let length = body.len().to_string();
        for (name, value) in headers.iter().chain(&[("content-length", length.as_str())]) {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        stream.write_all(&body).unwrap();
        // The response is complete before the connection is closed.
        let reply = Reply::read(&mut BufReader::new(stream));
        assert_eq!(reply.status, status, "{method} {path} {}", reply.text());
        reply.error();
    };
    let host = ("host", "localhost");
    check("POST", PATH, &[host, JSON], 401);
    check("POST", PATH, &[("host", "evil.example"), key, JSON], 403);
    check("POST", "/v2", &[host, key, JSON], 404);
    check("PUT", PATH, &[host, key, JSON], 405);
    check("POST", PATH, &[host, key], 415);
    for _ in 0..1000 {
        let running = server.send("GET", "/metrics", &[key], b"").text();
        if value(&running, "wolfgang_num_requests_in_progress") == 1.0 {
            break;
        }
    }
    check("POST", PATH, &[host, key, JSON], 429);
    server.shutdown.shut_down();
    check("POST", PATH, &[host, key, JSON], 503);
    drop((busy, waiting));
}

#[test]
fn a_refused_body_does_not_end_the_connection() {
    let server = start(EngineOptions::default(), options());
    let mut client = BufReader::new(server.begin("POST", "/v2", &[JSON], b"{\"prompt\": \"Ach\"}"));
    assert_eq!(Reply::read(&mut client).status, 404);
    let next = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.get_mut().write_all(next).unwrap();
    assert_eq!(Reply::read(&mut client).status, 200);
}
