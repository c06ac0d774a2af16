//! `wolfgang serve` as a process.

use crate::fixtures::wolfgang;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// Starts the command, and returns the address that it prints.
fn serve(args: &[&str]) -> (Child, String) {
    let mut command = wolfgang();
    command.args(["serve", "--port", "0"]).args(args);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.strip_prefix("listening on http://").unwrap();
    (child, address.trim_end().to_owned())
}

fn get(address: &str, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    send(address, &head)
}

fn send(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args(["-s", name, &id]).status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[test]
fn it_prints_its_address_and_ends_with_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "# a comment\ngeheim\n\n").unwrap();
    for name in ["TERM", "INT"] {
        let (mut child, address) = serve(&["--verbose", "--api-key-file", keys.to_str().unwrap()]);
        assert!(get(&address, "/ready").starts_with("HTTP/1.1 200"));
        assert!(get(&address, "/v1/models").starts_with("HTTP/1.1 401"));
        for (model, status) in [("a\\nb", "404"), ("faust", "200")] {
            let body =
                format!("{{\"prompt\": \"Ein Satz\", \"max_tokens\": 1, \"model\": \"{model}\"}}");
            let request = format!(
                "POST /v1/completions?a=%0A%1B HTTP/1.1\r\nhost: {address}\r\nx-api-key: geheim\r\n\
                 content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let reply = send(&address, &request);
            assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        let mut log = String::new();
        child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        assert!(log.contains("GET /ready 200"), "{log}");
        assert!(log.contains("POST /v1/completions 200"), "{log}");
        // Neither keys nor texts nor control characters.
        assert!(!log.contains("geheim") && !log.contains("Satz"), "{log}");
        assert!(!log.contains('\u{1b}'), "{log}");
    }
}

#[test]
fn it_listens_on_an_address_of_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        // The machine has no IPv6.
        return;
    }
    let (mut child, address) = serve(&["--host", "::1"]);
    assert!(address.starts_with("[::1]:"), "{address}");
    assert!(get(&address, "/health").starts_with("HTTP/1.1 200"));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The first signal waits for a request that takes many seconds.
#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut child, address) = serve(&["--shutdown-timeout", "1000"]);
    let mut stream = TcpStream::connect(&address).unwrap();
    let body = r#"{"prompt": "Ach", "n": 128, "max_tokens": 200, "ignore_eos": true}"#;
    let request = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    while get_metric(&address).ends_with(" 0") {}
    signal(&child, "TERM");
    while get(&address, "/ready").starts_with("HTTP/1.1 200") {}
    assert!(child.try_wait().unwrap().is_none());
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), None, "ended by the signal");
}

fn get_metric(address: &str) -> String {
    let metrics = get(address, "/metrics");
    let name = "wolfgang_num_requests_in_progress ";
    metrics
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap()
        .to_owned()
}

#[test]
fn what_it_cannot_do_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (args, code, message) in [
        (["--port", port.as_str()], 1, "choose another port"),
        (["--host", "example.com"], 2, "it must be an IP address"),
        (
            ["--overflow", "slide"],
            2,
            "--overflow slide is not available",
        ),
        (
            ["--overflow", "shift"],
            2,
            "--overflow shift needs --max-new-tokens here",
        ),
        (
            ["--cors-origin", "example.com"],
            2,
            "the origin is \"example.com\"",
        ),
        (
            ["--api-key-file", "absent"],
            1,
            "failed to read the API keys in absent",
        ),
        (["--shutdown-timeout", "-1"], 2, "--shutdown-timeout is -1"),
    ] {
        let output = wolfgang().arg("serve").args(args).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(message), "{error}");
    }
}
