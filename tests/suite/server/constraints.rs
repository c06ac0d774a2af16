//! Constraints of requests: `response_format` and the fields of vLLM.

use super::client::{server, server_of};
use crate::generation::foreign_templates;
use serde_json::{Value, json};

const COMPLETIONS: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"wahr": {"type": "boolean"}, "zahl": {"enum": [1, 2, 3]}},
        "required": ["wahr", "zahl"],
        "additionalProperties": false
    })
}

#[test]
fn a_reply_is_json_of_the_schema() {
    let server = server_of(&foreign_templates::generator(("chatml", "smollm")));
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema()}});
    let body = json!({
        "messages": [{"role": "user", "content": "Ach"}], "seed": 4, "max_tokens": 100,
        "response_format": format
    });
    let reply = server.post(CHAT, &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let choice = &reply.json()["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["finish_detail"], "constraint_complete");
    let value: Value =
        serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    assert!(value["wahr"].is_boolean() && value["zahl"].is_u64());
}

#[test]
fn each_form_of_a_constraint_is_obeyed() {
    let server = server();
    let lark = "start: \"a\" \"b\"+ \"c\"";
    for fields in [
        json!({"structured_outputs": {"regex": "abbc"}}),
        json!({"structured_outputs": {"grammar": lark}}),
        json!({"structured_outputs": {"choice": ["abbc", "abc"], "json": null}}),
        json!({"guided_regex": "ab{1,2}c"}),
        json!({"guided_choice": ["abc"]}),
        json!({"guided_grammar": lark}),
    ] {
        let mut body = json!({"prompt": "Ach", "max_tokens": 40, "seed": 1, "top_k": 1});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let reply = server.post(COMPLETIONS, &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let choice = &reply.json()["choices"][0];
        let text = choice["text"].as_str().unwrap();
        let bs = text
            .strip_prefix('a')
            .and_then(|rest| rest.strip_suffix('c'))
            .unwrap();
        assert!(!bs.is_empty() && bs.bytes().all(|b| b == b'b'), "{text}");
        assert_eq!(choice["finish_reason"], "stop");
    }
    for fields in [
        json!({"json_schema": {"enum": [7]}}),
        json!({"guided_json": {"enum": [7]}}),
        json!({"guided_json": "{\"enum\": [7]}"}),
        json!({"structured_outputs": {"json": {"enum": [7]}}}),
    ] {
        let mut body = json!({"prompt": "Ach", "max_tokens": 40});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let reply = server.post(COMPLETIONS, &body);
        assert_eq!(reply.json()["choices"][0]["text"], "7", "{}", reply.text());
    }
}

#[test]
fn what_cannot_be_used_is_refused() {
    let server = server();
    for (fields, message) in [
        (
            json!({"guided_regex": "a("}),
            "the regular expression cannot be used: ",
        ),
        (
            json!({"guided_regex": "a", "guided_choice": ["b"]}),
            "guided_regex and guided_choice are both given",
        ),
        (
            json!({"guided_choice": []}),
            "guided_choice is another list, but it must be a list of strings",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "but it must be text, json_object or json_schema",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "response_format.json_schema is missing",
        ),
        (
            json!({"structured_outputs": {"structural_tag": "x"}}),
            "structured_outputs.structural_tag is not supported",
        ),
        (
            json!({"guided_json": 3}),
            "guided_json is 3, but it must be a JSON Schema",
        ),
        (
            json!({"guided_regex": "[0-9]{9}", "min_tokens": 30, "max_tokens": 40}),
            "min_new_tokens masks all tokens that the constraint allows",
        ),
    ] {
        let mut body = json!({"prompt": "Ach", "max_tokens": 40});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let reply = server.post(COMPLETIONS, &body);
        assert_eq!(reply.status, 400, "{fields}: {}", reply.text());
        let told = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(told.contains(message), "{told}");
    }
}
