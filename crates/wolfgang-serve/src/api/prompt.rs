//! `prompt` of a completion, and its encoding.

use crate::api::reader::id;
use crate::api::{ApiContext, ApiError, json};
use serde_json::Value;

/// A prompt as it was given.
#[derive(Debug)]
pub(crate) enum GivenPrompt {
    Text(String),
    Ids(Vec<u32>),
}

/// Parses a string, a list of strings, a list of ids, or a list of such lists.
pub(crate) fn parse(value: Option<Value>) -> Result<Vec<GivenPrompt>, ApiError> {
    let value = value.ok_or_else(|| {
        ApiError::bad_request("missing_parameter", "prompt is missing").of("prompt")
    })?;
    match value {
        Value::String(text) => Ok(vec![GivenPrompt::Text(text)]),
        Value::Array(list) if list.is_empty() => Err(invalid("prompt is an empty list".into())),
        Value::Array(list) if list.iter().all(Value::is_number) => {
            Ok(vec![GivenPrompt::Ids(ids(&list)?)])
        }
        Value::Array(list) => list.into_iter().map(one).collect(),
        other => Err(unexpected(&other)),
    }
}

fn one(value: Value) -> Result<GivenPrompt, ApiError> {
    match value {
        Value::String(text) => Ok(GivenPrompt::Text(text)),
        Value::Array(list) => Ok(GivenPrompt::Ids(ids(&list)?)),
        other => Err(unexpected(&other)),
    }
}

fn ids(list: &[Value]) -> Result<Vec<u32>, ApiError> {
    let one = |value: &Value| {
        id(value).ok_or_else(|| {
            let found = json::describe(value);
            invalid(format!("prompt has {found} among token ids"))
        })
    };
    list.iter().map(one).collect()
}

fn unexpected(value: &Value) -> ApiError {
    invalid(format!(
        "prompt is or has {}, but it must be a string, a list of strings, a list of token ids, or a list of such lists",
        json::describe(value)
    ))
}

fn invalid(message: String) -> ApiError {
    ApiError::invalid("prompt", message)
}

/// Encodes a prompt and checks that it fits into the context.
pub(crate) fn encode(
    prompt: GivenPrompt,
    adds_special: bool,
    context: &ApiContext,
) -> Result<Vec<u32>, ApiError> {
    let tokenizer = context.generator.tokenizer();
    let mut ids = match prompt {
        GivenPrompt::Ids(ids) => ids,
        GivenPrompt::Text(text) if adds_special => tokenizer.encode_prompt(&text)?,
        GivenPrompt::Text(text) => tokenizer.encode(&text)?,
    };
    if ids.is_empty() {
        // As the library does.
        let message = "the prompt is empty, and the model has no token to start a text from";
        ids.push(
            tokenizer
                .end_of_text()
                .ok_or_else(|| invalid(message.into()))?,
        );
    }
    let config = context.generator.model().config();
    if ids.len() > config.block_size {
        return Err(ApiError::too_long(ids.len(), config.block_size));
    }
    if let Some(id) = ids.iter().find(|id| **id as usize >= config.vocab_size) {
        let vocab_size = config.vocab_size;
        return Err(invalid(format!(
            "prompt has the token id {id}, but the vocabulary has {vocab_size} tokens"
        )));
    }
    Ok(ids)
}
