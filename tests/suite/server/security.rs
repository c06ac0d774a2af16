//! Who may use the server.

use super::client::{Running, options, server, start};
use serde_json::json;
use wolfgang_generate::EngineOptions;

const KEY: &str = "sk-geheim";

fn with_keys() -> Running {
    let options = options().with_api_keys([KEY, "other"]).unwrap();
    start(EngineOptions::default(), options)
}

#[test]
fn keys_are_required_except_for_the_page_and_probes() {
    let server = with_keys();
    for path in ["/", "/health", "/ready"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in [
        "/v1/models",
        "/metrics",
        "/tokenizer_info",
        "/openapi.json",
        "/absent",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 401, "{path}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        let error = reply.error();
        assert_eq!(error["type"], "authentication_error");
        assert_eq!(error["code"], "invalid_api_key");
        assert!(!error.to_string().contains(KEY));
    }
    let bearer = format!("Bearer {KEY}");
    for (name, value, status) in [
        ("authorization", bearer.as_str(), 200),
        ("x-api-key", "other", 200),
        ("authorization", "Bearer wrong", 401),
        ("x-api-key", "", 401),
    ] {
        let reply = server.send("GET", "/v1/models", &[(name, value)], b"");
        assert_eq!(reply.status, status, "{name}: {value}");
    }
}

#[test]
fn other_hosts_and_origins_are_refused() {
    let options = options().with_cors_origin("https://app.example").unwrap();
    let server = start(EngineOptions::default(), options);
    let own = server.address.to_string();
    let own_origin = format!("http://{own}");
    let cases: [(&str, Option<&str>, u16); 9] = [
        (&own, None, 200),
        ("localhost", None, 200),
        ("evil.example", None, 403),
        ("evil.example", Some("http://evil.example"), 403),
        (&own, Some(&own_origin), 200),
        (&own, Some("http://evil.example"), 403),
        (&own, Some("null"), 403),
        (&own, Some("https://app.example"), 200),
        ("evil.example", Some("https://app.example"), 403),
    ];
    for (host, origin, status) in cases {
        for (method, path) in [("GET", "/health"), ("POST", "/v1/completions")] {
            let mut headers = vec![("host", host), ("content-type", "application/json")];
            headers.extend(origin.map(|origin| ("origin", origin)));
            let body = json!({"prompt": "Ach", "max_tokens": 1}).to_string();
            let reply = server.send(method, path, &headers, body.as_bytes());
            assert_eq!(reply.status, status, "{method} {host} {origin:?}");
            let allowed =
                origin.filter(|origin| origin.starts_with("https://app") && status == 200);
            assert_eq!(reply.header("access-control-allow-origin"), allowed);
            if status == 403 {
                reply.error();
            }
        }
    }
    let preflight = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        server.send("OPTIONS", "/v1/completions", &headers, b"")
    };
    let reply = preflight("https://app.example");
    assert_eq!(reply.status, 204);
    let allowed = reply.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("x-stainless-lang"));
    let reply = preflight("https://evil.example");
    assert_eq!(reply.status, 403);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn the_page_runs_only_its_own_script() {
    let server = server();
    let reply = server.get("/");
    assert_eq!(reply.status, 200);
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let etag = reply.header("etag").unwrap();
    let again = server.send("GET", "/", &[("if-none-match", etag)], b"");
    assert_eq!((again.status, again.text().len()), (304, 0));
}

#[test]
fn identifiers_of_requests_are_returned_if_they_are_safe() {
    let server = server();
    let id = |given: &str| {
        let reply = server.send("GET", "/health", &[("x-request-id", given)], b"");
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("abc-1"), "abc-1");
    for unsafe_id in ["a b", &"x".repeat(65), "<script>"] {
        assert_ne!(id(unsafe_id), unsafe_id);
    }
}
