//! The description of the interface in OpenAPI, made from the table of fields.

use crate::{Field, Kind, Route, Support, fields};
use serde_json::{Map, Value, json};

/// Returns the description of the interface in OpenAPI 3.1.
pub fn openapi() -> Value {
    let get =
        |summary: &str, media_type: &str| json!({"get": operation(summary, media_type, None)});
    let post = |summary: &str, schema: &str| json!({"post": operation(summary, "application/json", Some(schema))});
    let json = "application/json";
    let flag = schema(Kind::Boolean);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wolfgang",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "OpenAI's interface for small language models.",
        },
        "security": [{}, {"key": []}],
        "paths": {
            "/": get("The web page", "text/html"),
            "/health": get("Whether the server is alive", json),
            "/ready": get("Whether the server takes requests", json),
            "/metrics": get("Metrics for Prometheus", "text/plain"),
            "/openapi.json": get("This description", json),
            "/v1/models": get("The loaded model, as a list", json),
            "/v1/models/{model}": model(),
            "/v1/completions": post("Continue a text", "Completion"),
            "/v1/chat/completions": post("Reply in a chat", "Chat"),
            "/tokenize": post("Encode a text or a chat as token ids", "Tokenize"),
            "/detokenize": post("Decode token ids", "Detokenize"),
            "/tokenizer_info": get("The special tokens and the chat template", json),
            "/apply-template": post("Render messages as a prompt", "ApplyTemplate"),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Completion": object(Route::Completions, "prompt"),
                "Chat": object(Route::Chat, "messages"),
                "Tokenize": {"type": "object", "properties": {
                    "model": schema(Kind::Text),
                    "prompt": schema(Kind::Text),
                    "content": schema(Kind::Text),
                    "messages": {"anyOf": [schema(Kind::Messages), {"type": "null"}]},
                    "add_special_tokens": flag,
                    "add_special": flag,
                    "add_generation_prompt": flag,
                    "parse_special": flag,
                    "with_pieces": flag,
                    "return_token_strs": flag,
                }},
                "Detokenize": {
                    "type": "object",
                    "properties": {"tokens": {"type": "array", "items": {"type": "integer", "minimum": 0}}},
                    "required": ["tokens"],
                },
                "ApplyTemplate": {
                    "type": "object",
                    "properties": {
                        "messages": schema(Kind::Messages),
                        "add_generation_prompt": flag,
                    },
                    "required": ["messages"],
                },
                "Error": {"type": "object", "required": ["error"], "properties": {"error": {
                    "type": "object",
                    "required": ["message", "type", "param", "code"],
                    "properties": {
                        "message": {"type": "string"},
                        "type": {"type": "string"},
                        "param": {"type": ["string", "null"]},
                        "code": {"type": ["string", "null"]},
                    },
                }}},
            },
        },
    })
}

fn model() -> Value {
    let mut path = json!({"get": operation("The loaded model", "application/json", None)});
    path["parameters"] = json!([
        {"name": "model", "in": "path", "required": true, "schema": {"type": "string"}}
    ]);
    path
}

fn operation(summary: &str, media_type: &str, schema: Option<&str>) -> Value {
    let error = json!({"description": "An error", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Error"}
    }}});
    let mut operation = json!({
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {media_type: {}}},
            "4XX": error,
            "5XX": error,
        },
    });
    if matches!(schema, Some("Completion" | "Chat")) {
        operation["responses"]["200"]["content"]["text/event-stream"] = json!({});
    }
    if let Some(name) = schema {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// The schema of a request. Fields that are refused are not part of it.
fn object(route: Route, required: &str) -> Value {
    let accepted = fields(route).filter(|field| !matches!(field.support, Support::Rejected(_)));
    let property = |field: &Field| {
        let mut schema = schema(field.kind);
        schema["description"] = match field.support {
            Support::NoEffect => format!("No effect: {}", field.note).into(),
            _ => field.note.into(),
        };
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = accepted.map(property).collect();
    json!({"type": "object", "properties": properties, "required": [required]})
}

fn schema(kind: Kind) -> Value {
    let text = json!({"type": "string"});
    let ids = json!({"type": "array", "items": {"type": "integer", "minimum": 0}});
    let flag = json!({"type": ["boolean", "null"]});
    match kind {
        Kind::Number(min, max) => {
            let mut schema = json!({"type": ["number", "null"]});
            if min > -Kind::UNBOUNDED {
                schema["minimum"] = min.into();
            }
            if max < Kind::UNBOUNDED {
                schema["maximum"] = max.into();
            }
            schema
        }
        Kind::Integer(min, max) => {
            json!({"type": ["integer", "null"], "minimum": min, "maximum": max})
        }
        Kind::Boolean => flag,
        Kind::Text => json!({"type": ["string", "null"]}),
        Kind::Texts => json!({"anyOf": [text, {"type": "array", "items": text}, {"type": "null"}]}),
        Kind::Ids => json!({"anyOf": [ids, {"type": "null"}]}),
        Kind::Prompt => json!({"anyOf": [
            text,
            {"type": "array", "items": text, "minItems": 1},
            ids,
            {"type": "array", "items": ids, "minItems": 1},
        ]}),
        Kind::Messages => json!({"type": "array", "minItems": 1, "items": {
            "type": "object",
            "required": ["role", "content"],
            "properties": {
                "role": {"enum": ["system", "developer", "user", "assistant"]},
                "content": {"anyOf": [text, {"type": "array", "items": {
                    "type": "object",
                    "required": ["type", "text"],
                    "properties": {"type": {"const": "text"}, "text": text},
                }}]},
            },
        }}),
        Kind::Bias => {
            json!({"type": ["object", "null"], "additionalProperties": {"type": "number"}})
        }
        Kind::StreamOptions => json!({"type": ["object", "null"], "properties": {
            "include_usage": flag,
            "continuous_usage_stats": flag,
        }}),
        Kind::Object => json!({"type": ["object", "null"]}),
        Kind::Any => json!({}),
    }
}
