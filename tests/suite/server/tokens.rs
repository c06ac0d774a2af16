//! Tokenization over HTTP.

use super::client::{server, server_of};
use crate::fixtures::faust;
use crate::generation::foreign_templates;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
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
    // Null is the same as a missing field.
    let ids = faust().tokenizer().encode("Ach").unwrap();
    let body = json!({"model": null, "messages": null, "prompt": null, "content": "Ach",
        "add_special_tokens": null, "with_pieces": null});
    assert_eq!(server.post("/tokenize", &body).json()["tokens"], json!(ids));
    let body = json!({"tokens": null, "ids": ids});
    assert_eq!(server.post("/detokenize", &body).json()["content"], "Ach");
    let reply = server.post("/tokenize", &json!({"model": 5, "prompt": "Ach"}));
    assert_eq!(
        (reply.status, &reply.error()["param"]),
        (400, &json!("model"))
    );
    let plain = server.post(
        "/tokenize",
        &json!({"prompt": "<|endoftext|>", "parse_special": false}),
    );
    assert!(plain.json()["count"].as_u64().unwrap() > 1);
}

#[test]
fn a_thousand_random_texts_survive_the_round_trip() {
    const CHARACTERS: [char; 24] = [
        'a', 'b', 'e', 'i', 'n', 'r', 's', 't', 'A', 'D', 'W', 'ä', 'Ö', 'ß', ' ', ' ', '\n', ',',
        '.', '!', '-', '<', '|', '>',
    ];
    let server = server();
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for _ in 0..1000 {
        let length = random.next_u32() % 40;
        let character = |_| CHARACTERS[random.next_u32() as usize % CHARACTERS.len()];
        let text: String = (0..length).map(character).collect();
        assert!(faust().tokenizer().can_encode(&text).unwrap(), "{text:?}");
        let tokens = server.post("/tokenize", &json!({"prompt": text})).json();
        let body = json!({"tokens": tokens["tokens"]});
        let found = server.post("/detokenize", &body).json();
        assert_eq!(found["prompt"], text);
    }
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
    assert!(info["chat_template"].is_null(), "the format is built in");
}

#[test]
fn the_chat_template_of_the_model_is_returned() {
    let generator = foreign_templates::generator(("chatml", "smollm"));
    let info = server_of(&generator).get("/tokenizer_info").json();
    assert_eq!(info["chat_template"], foreign_templates::template("chatml"));
}
