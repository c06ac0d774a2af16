//! Tokenization over HTTP.

use super::client::server;
use crate::fixtures::faust;
use serde_json::json;
use wolfgang_generate::{Message, Role};

#[test]
fn texts_are_encoded_and_decoded_with_the_names_of_both_servers() {
    let server = server();
    for text in ["Habe nun, ach!", "", "ä ö ü ß", "<|endoftext|>", "a\n\n  b"] {
        let expected = faust().tokenizer().encode_with_special(text).unwrap();
        for name in ["prompt", "content"] {
            let reply = server.post("/tokenize", &json!({ name: text })).json();
            assert_eq!(reply["tokens"], json!(expected));
            assert_eq!(reply["count"], expected.len());
            assert_eq!(reply["max_model_len"], 256);
        }
        let reply = server
            .post("/detokenize", &json!({"tokens": expected}))
            .json();
        assert_eq!(
            (&reply["prompt"], &reply["content"]),
            (&json!(text), &json!(text))
        );
    }
    let plain = server.post(
        "/tokenize",
        &json!({"prompt": "<|endoftext|>", "parse_special": false}),
    );
    assert!(plain.json()["count"].as_u64().unwrap() > 1);
}

#[test]
fn several_texts_and_wrong_flags_are_refused() {
    let server = server();
    let messages = json!([{"role": "user", "content": "Wer bist du?"}]);
    for (body, param) in [
        (json!({"prompt": "a", "content": "b"}), "content"),
        (json!({"prompt": {}, "messages": messages}), "messages"),
        (json!({"content": "a", "messages": messages}), "messages"),
        (
            json!({"messages": messages, "add_special": 1}),
            "add_special",
        ),
        (
            json!({"prompt": "a", "add_generation_prompt": "yes"}),
            "add_generation_prompt",
        ),
    ] {
        let reply = server.post("/tokenize", &body);
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.error()["param"], param, "{body}");
    }
    for body in [
        json!({"prompt": null, "messages": messages}),
        json!({"prompt": "a", "messages": null}),
    ] {
        assert_eq!(server.post("/tokenize", &body).status, 200, "{body}");
    }
}

#[test]
fn a_chat_has_the_tokens_of_its_template() {
    let server = server();
    let messages = json!([{"role": "user", "content": "Wer bist du?"}]);
    let rendered = server
        .post("/apply-template", &json!({"messages": messages}))
        .json();
    let expected = faust()
        .tokenizer()
        .render_chat(&[Message::new(Role::User, "Wer bist du?")], true)
        .unwrap();
    assert_eq!(rendered["prompt"], expected.text);
    assert_eq!(rendered["tokens"], json!(expected.ids));
    let tokens = server
        .post("/tokenize", &json!({"messages": messages}))
        .json();
    assert_eq!(tokens["tokens"], json!(expected.ids));
    let body = json!({"messages": messages, "max_tokens": 1});
    let reply = server.post("/v1/chat/completions", &body).json();
    assert_eq!(reply["usage"]["prompt_tokens"], expected.ids.len());
    let info = server.get("/tokenizer_info").json();
    assert_eq!(info["eos_token"], "<|endoftext|>");
}
