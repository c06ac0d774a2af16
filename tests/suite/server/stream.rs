//! The form of streams.

use super::client::server;
use crate::fixtures::faust;
use serde_json::{Value, json};

fn usages(events: &[Value]) -> Vec<Option<&Value>> {
    events.iter().map(|event| event.get("usage")).collect()
}

#[test]
fn usage_is_part_of_a_stream_only_if_asked_for() {
    let server = server();
    let body = |options: Value| json!({"prompt": "Ach", "max_tokens": 6, "stream_options": options, "seed": 1});
    for options in [json!(null), json!({}), json!({"include_usage": false})] {
        let events = server.events("/v1/completions", &body(options));
        assert!(usages(&events).iter().all(Option::is_none));
    }
    let events = server.events("/v1/completions", &body(json!({"include_usage": true})));
    let (last, others) = events.split_last().unwrap();
    assert!(
        usages(others)
            .iter()
            .all(|usage| *usage == Some(&Value::Null))
    );
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 6);

    let both = json!({"include_usage": true, "continuous_usage_stats": true});
    let events = server.events("/v1/completions", &body(both));
    let counts: Vec<u64> = events
        .iter()
        .map(|event| event["usage"]["completion_tokens"].as_u64().unwrap())
        .collect();
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&6));
}

#[test]
fn chunks_have_one_identity_and_a_choice_one_end() {
    let server = server();
    let body = json!({
        "messages": [{"role": "user", "content": "Ach"}], "max_tokens": 10, "n": 2, "seed": 1,
        "model": "faust"
    });
    let events = server.events("/v1/chat/completions", &body);
    for event in &events {
        for field in ["id", "created", "model", "system_fingerprint"] {
            assert_eq!(event[field], events[0][field]);
        }
        assert_eq!(event["object"], "chat.completion.chunk");
    }
    for index in [0, 1] {
        let choices = events.iter().map(|event| &event["choices"][0]);
        let own: Vec<_> = choices.filter(|choice| choice["index"] == index).collect();
        assert_eq!(own[0]["delta"], json!({"role": "assistant", "content": ""}));
        let (last, others) = own.split_last().unwrap();
        assert_eq!(last["delta"], json!({}));
        assert!(last["finish_reason"].is_string());
        for choice in &others[1..] {
            assert!(choice["finish_reason"].is_null());
            assert_ne!(choice["delta"]["content"], "", "an empty chunk");
        }
    }
}

/// Stop strings hold back text, and tokens without text wait for it.
#[test]
fn chunks_of_a_completion_have_text_or_an_end() {
    let server = server();
    for (seed, stop) in (1..).zip([
        json!(null),
        json!(["e", "zzz"]),
        json!(["ach Gott, ach Gott"]),
    ]) {
        let body = json!({"prompt": "Ach", "max_tokens": 40, "temperature": 2, "seed": seed,
            "stop": stop, "ignore_eos": true});
        let events = server.events("/v1/completions", &body);
        let (last, others) = events.split_last().unwrap();
        assert!(last["choices"][0]["finish_reason"].is_string());
        for event in others {
            assert!(event["choices"][0]["finish_reason"].is_null());
            assert_ne!(event["choices"][0]["text"], "", "an empty chunk");
        }
    }
}

#[test]
fn no_chunk_divides_a_character() {
    let server = server();
    // Only tokens that are a part of a character.
    let tokenizer = faust().tokenizer();
    let is_part = |id: &u32| {
        let bytes = tokenizer.token_bytes(*id);
        bytes.is_some_and(|bytes| std::str::from_utf8(bytes).is_err())
    };
    let parts: Vec<u32> = (0..4096).filter(is_part).collect();
    let body = json!({
        "prompt": "Ach", "max_tokens": 120, "temperature": 5, "seed": 2,
        "allowed_token_ids": parts, "ignore_eos": true
    });
    let whole = server.post("/v1/completions", &body).json();
    let whole = whole["choices"][0]["text"].as_str().unwrap();
    let events = server.events("/v1/completions", &body);
    let texts = events
        .iter()
        .map(|event| event["choices"][0]["text"].as_str().unwrap());
    let texts: Vec<_> = texts.collect();
    assert_eq!(texts.concat(), whole);
    let replaced = |text: &str| text.matches('\u{FFFD}').count();
    assert!(replaced(whole) > 0, "no character is incomplete");
    assert_eq!(
        texts.iter().map(|text| replaced(text)).sum::<usize>(),
        replaced(whole)
    );
}

#[test]
fn streams_pass_proxies_unbuffered() {
    let reply = server().post(
        "/v1/completions",
        &json!({"prompt": "Ach", "stream": true, "seed": 1}),
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(reply.text().matches("[DONE]").count(), 1);
}
