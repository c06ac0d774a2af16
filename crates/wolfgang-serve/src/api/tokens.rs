//! `/tokenize`, `/detokenize`, `/tokenizer_info` and `/apply-template`, with the field names of
//! llama-server and vLLM.

use crate::api::reader::id;
use crate::api::{ApiContext, ApiError, chat, json};
use serde_json::{Map, Value, json};
use wolfgang_generate::{ChatTemplate, SpecialTokens};

/// The fields of `/tokenize` that are true or false.
const TOKENIZE_FLAGS: [&str; 6] = [
    "add_special_tokens",
    "add_special",
    "add_generation_prompt",
    "parse_special",
    "with_pieces",
    "return_token_strs",
];

fn flag(fields: &Map<String, Value>, name: &str) -> Result<Option<bool>, ApiError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(ApiError::invalid(
            name,
            format!(
                "{name} is {}, but it must be true or false",
                json::describe(other)
            ),
        )),
    }
}

/// The value of the first of these fields that is given.
fn first<'a>(fields: &'a Map<String, Value>, names: [&str; 2]) -> Result<&'a Value, ApiError> {
    let mut given = names.iter().filter_map(|name| fields.get(*name));
    given.find(|value| !value.is_null()).ok_or_else(|| {
        let message = format!("{} is missing", names[0]);
        ApiError::bad_request("missing_parameter", message).of(names[0])
    })
}

fn check_model(fields: &Map<String, Value>, context: &ApiContext) -> Result<(), ApiError> {
    match fields.get("model") {
        Some(Value::String(name)) => context.check_model(name),
        None | Some(Value::Null) => Ok(()),
        Some(other) => {
            let found = json::describe(other);
            let message = format!("model is {found}, but it must be a string");
            Err(ApiError::invalid("model", message))
        }
    }
}

/// Checks the fields of `/tokenize`, also those that have no effect on this request.
///
/// # Errors
/// More than one text is given, or a flag is neither a boolean nor null.
fn check_tokenize(fields: &Map<String, Value>) -> Result<(), ApiError> {
    let is_given = |name: &&str| fields.get(*name).is_some_and(|value| !value.is_null());
    let mut given = ["prompt", "content", "messages"]
        .into_iter()
        .filter(is_given);
    if let (Some(text), Some(other)) = (given.next(), given.next()) {
        let message = format!("{text} and {other} are given, but only one of them can be encoded");
        return Err(ApiError::invalid(other, message));
    }
    for name in TOKENIZE_FLAGS {
        flag(fields, name)?;
    }
    Ok(())
}

/// Encodes `prompt` or `content`, or the chat in `messages`. Control tokens in a text are encoded as
/// such, unless `parse_special` is false. With `add_special_tokens` or `add_special`, the text
/// begins with the BOS token, as a prompt does.
pub(crate) fn tokenize(body: &[u8], context: &ApiContext) -> Result<Value, ApiError> {
    let fields = json::parse(body)?;
    check_model(&fields, context)?;
    check_tokenize(&fields)?;
    let tokenizer = context.generator.tokenizer();
    let ids = match fields.get("messages").filter(|value| !value.is_null()) {
        Some(messages) => {
            let with_start = flag(&fields, "add_generation_prompt")?.unwrap_or(true);
            chat::render(Some(messages.clone()), with_start, context)?.ids
        }
        None => {
            let text = first(&fields, ["prompt", "content"])?;
            let text = text.as_str().ok_or_else(|| {
                let found = json::describe(text);
                ApiError::invalid(
                    "prompt",
                    format!("prompt is {found}, but it must be a string"),
                )
            })?;
            let bos = match flag(&fields, "add_special_tokens")? {
                Some(adds) => adds,
                None => flag(&fields, "add_special")?.unwrap_or(false),
            };
            let mut ids = match flag(&fields, "parse_special")?.unwrap_or(true) {
                true => tokenizer.encode_with_special(text)?,
                false => tokenizer.encode(text)?,
            };
            if let Some(bos) = tokenizer.bos_id().filter(|_| bos) {
                ids.insert(0, bos);
            }
            ids
        }
    };
    let count = ids.len();
    let max_model_len = context.generator.model().config().block_size;
    let piece = |id: &u32| tokenizer.token_text(*id);
    let pieces = || {
        ids.iter()
            .map(|id| json!({"id": id, "piece": piece(id)}))
            .collect()
    };
    let tokens: Value = match flag(&fields, "with_pieces")?.unwrap_or(false) {
        true => pieces(),
        false => json!(ids),
    };
    let mut response = json!({"tokens": tokens, "count": count, "max_model_len": max_model_len});
    if flag(&fields, "return_token_strs")?.unwrap_or(false) {
        response["token_strs"] = ids.iter().map(piece).collect::<Vec<_>>().into();
    }
    Ok(response)
}

/// Decodes `tokens`, with the text of control tokens. The text is returned under the names of both
/// servers.
pub(crate) fn detokenize(body: &[u8], context: &ApiContext) -> Result<Value, ApiError> {
    let fields = json::parse(body)?;
    check_model(&fields, context)?;
    let vocab_size = context.generator.model().config().vocab_size;
    let tokens = first(&fields, ["tokens", "ids"])?;
    let known = |value: &Value| id(value).filter(|id| (*id as usize) < vocab_size);
    let ids: Option<Vec<u32>> = tokens
        .as_array()
        .and_then(|list| list.iter().map(known).collect());
    let ids = ids.ok_or_else(|| {
        let message = format!("tokens must be a list of token ids below {vocab_size}");
        ApiError::invalid("tokens", message)
    })?;
    let text = context
        .generator
        .tokenizer()
        .decode(&ids, SpecialTokens::Keep);
    Ok(json!({"prompt": text, "content": text}))
}

/// Renders `messages` as the prompt that `/v1/chat/completions` makes of them.
pub(crate) fn apply_template(body: &[u8], context: &ApiContext) -> Result<Value, ApiError> {
    let mut fields = json::parse(body)?;
    check_model(&fields, context)?;
    let with_start = flag(&fields, "add_generation_prompt")?.unwrap_or(true);
    let chat = chat::render(fields.remove("messages"), with_start, context)?;
    Ok(json!({"prompt": chat.text, "tokens": chat.ids, "count": chat.ids.len()}))
}

/// The tokenizer's special tokens and its chat template.
pub(crate) fn tokenizer_info(context: &ApiContext) -> Value {
    let tokenizer = context.generator.tokenizer();
    let text = |id: Option<u32>| id.map(|id| tokenizer.token_text(id));
    let eos = tokenizer.eos_id().or_else(|| tokenizer.end_of_text());
    let added: Map<String, Value> = tokenizer
        .control_tokens()
        .map(|(name, id)| (name.to_owned(), json!(id)))
        .collect();
    json!({
        "tokenizer_class": "wolfgang",
        "vocab_size": tokenizer.vocab_size(),
        "max_model_len": context.generator.model().config().block_size,
        "bos_token": text(tokenizer.bos_id()),
        "eos_token": text(eos),
        "pad_token": null,
        "chat_template": tokenizer.chat_template().map(ChatTemplate::source),
        "control_tokens": added,
    })
}
