//! Requests that are refused: always with an error in OpenAI's form.

use super::client::{options, server, start};
use crate::fixtures::{fixture, repository};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::time::Duration;
use wolfgang_generate::EngineOptions;
use wolfgang_serve::{Route, Support, fields};

/// A body that is no valid request.
#[derive(serde::Deserialize)]
struct Malformed {
    path: String,
    body: String,
    /// The field that the error must name.
    param: Option<String>,
    code: Option<String>,
}

fn corpus() -> Vec<Malformed> {
    let lines = std::fs::read_to_string(fixture("server/malformed.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn malformed_bodies_are_errors_that_name_the_field() {
    let server = server();
    let corpus = corpus();
    assert!(corpus.len() > 200);
    for Malformed {
        path,
        body,
        param,
        code,
    } in corpus
    {
        let json = [("content-type", "application/json")];
        let reply = server.send("POST", &path, &json, body.as_bytes());
        let shown: String = body.chars().take(120).collect();
        let status = if code.as_deref() == Some("model_not_found") {
            404
        } else {
            400
        };
        assert_eq!(reply.status, status, "{path} {shown}: {}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let error = reply.error();
        assert_eq!(error["type"], "invalid_request_error", "{path} {shown}");
        assert_eq!(error["param"], json!(param), "{path} {shown}: {error}");
        if let Some(code) = code {
            assert_eq!(error["code"], code, "{path} {shown}: {error}");
        }
    }
    let reply = server.post(
        "/v1/completions",
        &json!({"prompt": "Ach", "max_tokens": 1}),
    );
    assert_eq!(reply.status, 200);
    server.wait_until_idle(Duration::from_secs(10));
}

/// Values that ask for nothing are the same as a missing field.
#[test]
fn neutral_values_are_accepted() {
    let server = server();
    let body = json!({
        "messages": [{"role": "user", "content": "Ach", "name": null, "tool_calls": []}],
        "model": "", "tools": [], "tool_choice": "none", "response_format": {"type": "text"},
        "modalities": ["text"], "functions": null, "stop": null, "user": "x", "metadata": {"a": "b"},
        "store": false, "max_tokens": 2, "max_completion_tokens": 2, "logit_bias": null, "n": null,
        "service_tier": "auto", "top_logprobs": null, "seed": -1
    });
    let reply = server.post("/v1/chat/completions", &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-wolfgang-ignored"), None);
    let body = json!({"prompt": "Ach", "max_tokens": 2, "suffix": "", "best_of": 1, "warmth": 0});
    let reply = server.post("/v1/completions", &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-wolfgang-ignored"), Some("warmth"));
}

#[test]
fn a_prompt_beyond_the_context_is_an_error_with_both_numbers() {
    let body = json!({"prompt": vec![300; 257], "stream": true});
    let reply = server().post("/v1/completions", &body);
    assert_eq!(reply.status, 400);
    let message = reply.error()["message"].to_string();
    assert!(
        message.contains("257") && message.contains("256"),
        "{message}"
    );
    let full = json!({"prompt": vec![300; 250], "max_tokens": 100, "ignore_eos": true});
    let reply = server().post("/v1/completions", &full).json();
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(choice["finish_detail"], "context_full");
}

#[test]
fn requests_that_cost_too_much_or_leave_no_token_are_refused() {
    let server = server();
    let post = |field: &str, value: Value| {
        let mut body = json!({"prompt": "a", "max_tokens": 4, "no_repeat_ngram_size": 1});
        body[field] = value;
        let reply = server.post("/v1/completions", &body);
        assert_eq!(reply.status, 400, "{field}: {}", reply.text());
        reply.error()
    };
    assert_eq!(post("stop", json!("x".repeat(4097)))["param"], "stop");
    assert_eq!(
        post("allowed_token_ids", json!([5, 5]))["code"],
        "invalid_value"
    );
}

#[test]
fn routes_methods_and_types_are_checked() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    type Headers = &'static [(&'static str, &'static str)];
    let mut small = options();
    small.max_body_bytes = 1000;
    let server = start(EngineOptions::default(), small);
    let cases: [(&str, &str, Headers, u16); 16] = [
        ("POST", "/v1/models", &[], 405),
        ("GET", "/v2", &[], 404),
        ("GET", "/../etc/passwd", &[], 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", &[], 404),
        ("POST", "/completions", &[JSON], 404),
        ("GET", "/v1/completions", &[], 405),
        ("PUT", "/health", &[], 405),
        ("POST", "/", &[JSON], 405),
        ("POST", "/v1/completions", &[], 415),
        (
            "POST",
            "/v1/completions",
            &[("content-type", "text/plain")],
            415,
        ),
        (
            "POST",
            "/v1/completions",
            &[("content-type", "application/x-www-form-urlencoded")],
            415,
        ),
        (
            "POST",
            "/tokenize",
            &[("content-type", "text/plain;application/json")],
            415,
        ),
        (
            "POST",
            "/v1/completions",
            &[JSON, ("content-encoding", "gzip")],
            415,
        ),
        ("GET", "/v1/models/other", &[], 404),
        ("GET", "/v1/models/", &[], 404),
        ("GET", "/v1/models/%FF", &[], 404),
    ];
    for (method, path, headers, status) in cases {
        let reply = server.send(method, path, headers, b"{}");
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        reply.error();
        if status == 405 {
            assert!(reply.header("allow").is_some(), "{method} {path}");
        }
    }
    let reply = server.post("/v1/completions", &json!({"prompt": "a".repeat(3_000_000)}));
    assert_eq!(reply.status, 413);
    assert_eq!(reply.error()["code"], "body_too_large");
    // The same without a length.
    let mut stream = server.begin(
        "PATCH",
        "/v1/completions",
        &[JSON, ("transfer-encoding", "chunked")],
        b"3\r\n{}\n\r\n0\r\n\r\n",
    );
    stream.flush().unwrap();
    assert_eq!(
        super::client::Reply::read(&mut BufReader::new(stream)).status,
        405
    );
}

#[test]
fn a_body_that_does_not_arrive_is_an_error() {
    let mut hasty = options();
    hasty.body_timeout = Duration::from_millis(50);
    let server = start(EngineOptions::default(), hasty);
    let mut stream = server.connect();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{{",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let reply = super::client::Reply::read(&mut BufReader::new(stream));
    assert_eq!(reply.status, 408);
    reply.error();
    server.wait_until_idle(Duration::from_secs(10));
}

#[test]
fn the_description_has_every_route_and_field() {
    let server = server();
    let description = server.get("/openapi.json").json();
    let paths = description["paths"].as_object().unwrap();
    for (path, operations) in paths {
        for method in operations
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
        {
            let path = path.replace("{model}", "faust");
            let reply = server.send(
                &method.to_uppercase(),
                &path,
                &[("content-type", "application/json")],
                b"{}",
            );
            assert!(![404, 405].contains(&reply.status), "{method} {path}");
        }
    }
    let schema = &description["components"]["schemas"]["Chat"]["properties"];
    for field in fields(Route::Chat) {
        let is_accepted = !matches!(field.support, Support::Rejected(_));
        assert_eq!(
            schema.get(field.name).is_some(),
            is_accepted,
            "{}",
            field.name
        );
    }
    let model: Value = server.get("/v1/models").json()["data"][0].clone();
    assert_eq!(server.get("/v1/models/faust").json(), model);
    assert_eq!(model["meta"]["n_ctx"], 256);
}

/// The fields of OpenAI's client for Python: each has an effect, has none, or is refused.
#[test]
fn the_table_has_every_field_of_openai() {
    let openai: Value = crate::fixtures::json("server/openai_fields.json");
    for (path, route) in [
        ("/v1/completions", Route::Completions),
        ("/v1/chat/completions", Route::Chat),
    ] {
        let names = openai[path].as_array().unwrap();
        assert!(names.len() > 15);
        for name in names {
            assert!(
                fields(route).any(|field| *name == field.name),
                "{path}: {name}"
            );
        }
    }
}

#[test]
fn the_documented_fields_are_those_of_the_table() {
    let document = std::fs::read_to_string(repository("docs/serving.md")).unwrap();
    let documented = document.lines().filter(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.len() == 5 && ["yes", "no effect", "refused"].contains(&cells[2])
    });
    let documented: BTreeSet<String> = documented.map(str::to_owned).collect();
    let rows = [Route::Completions, Route::Chat].map(|route| {
        fields(route).map(|field| {
            let support = match field.support {
                Support::Supported => "yes",
                Support::NoEffect => "no effect",
                _ => "refused",
            };
            format!("| `{}` | {support} | {} |", field.name, field.note)
        })
    });
    let expected: BTreeSet<String> = rows.into_iter().flatten().collect();
    assert_eq!(documented, expected);
}
