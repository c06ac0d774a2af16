//! `/v1/chat/completions`.

use crate::api::fields::Route;
use crate::api::json::describe;
use crate::api::prompt::{self, GivenPrompt};
use crate::api::reader::Reader;
use crate::api::request::{ApiRequest, Form};
use crate::api::{ApiContext, ApiError, sampling};
use serde_json::{Map, Value};
use wolfgang_generate::{Message, RenderedChat, Role};

pub(crate) fn request(mut reader: Reader, context: &ApiContext) -> Result<ApiRequest, ApiError> {
    let messages = reader.take("messages");
    let with_start = reader.flag("add_generation_prompt").unwrap_or(true);
    let chat = render(messages, with_start, context)?;
    let alternatives = reader.count("top_logprobs");
    let logprobs = match (reader.flag("logprobs").unwrap_or(false), alternatives) {
        (true, n) => Some(n.unwrap_or(0)),
        (false, None | Some(0)) => None,
        (false, Some(_)) => {
            let message = "top_logprobs has no effect unless logprobs is true";
            return Err(ApiError::invalid("top_logprobs", message));
        }
    };
    let mut options = sampling::options(&mut reader, context, usize::MAX)?;
    // A reply ends at every control token of the format, as in a `Conversation`.
    let ends = context.generator.tokenizer().chat_end_ids()?;
    if !options.ignore_eos {
        options.stop_tokens.extend(&ends);
    }
    let form = Form {
        logprobs,
        ..Form::default()
    };
    let ids = prompt::encode(GivenPrompt::Ids(chat.ids), false, context);
    let ids = ids.map_err(|mut error| {
        error.param = Some("messages".to_owned());
        error
    })?;
    ApiRequest::new(Route::Chat, reader, context, vec![ids], options, form)
}

/// Renders messages with the chat format of the model.
pub(crate) fn render(
    messages: Option<Value>,
    with_start: bool,
    context: &ApiContext,
) -> Result<RenderedChat, ApiError> {
    let Some(Value::Array(list)) = messages else {
        return Err(
            ApiError::bad_request("missing_parameter", "messages is missing").of("messages"),
        );
    };
    if list.is_empty() {
        return Err(ApiError::invalid("messages", "messages is an empty list"));
    }
    let messages = list
        .iter()
        .enumerate()
        .map(|(at, value)| message(at, value));
    let messages: Vec<Message> = messages.collect::<Result<_, _>>()?;
    Ok(context
        .generator
        .tokenizer()
        .render_chat(&messages, with_start)?)
}

fn message(at: usize, value: &Value) -> Result<Message, ApiError> {
    let param = format!("messages[{at}]");
    let fields = value.as_object().ok_or_else(|| {
        let found = describe(value);
        ApiError::invalid(
            &param,
            format!("{param} is {found}, but it must be an object"),
        )
    })?;
    let role = role(&param, fields)?;
    for (name, value) in fields {
        let is_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let is_known = matches!(name.as_str(), "role" | "content");
        // Names of participants are not part of the chat formats.
        if !is_known && !is_nothing {
            let param = format!("{param}.{name}");
            let message = format!("{param:.80} is not supported: a message has role and content");
            return Err(ApiError::unsupported(&param, message));
        }
    }
    Ok(Message::new(role, content(&param, fields.get("content"))?))
}

fn role(param: &str, fields: &Map<String, Value>) -> Result<Role, ApiError> {
    let param = format!("{param}.role");
    match fields.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Ok(Role::System),
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        _ => {
            let found = fields.get("role").map_or("missing".to_owned(), describe);
            Err(ApiError::invalid(
                &param,
                format!("{param} is {found}, but it must be system, developer, user or assistant"),
            ))
        }
    }
}

/// A text, or a list of parts that are texts.
fn content(param: &str, value: Option<&Value>) -> Result<String, ApiError> {
    let param = format!("{param}.content");
    let invalid = |found: &str| {
        let message =
            format!("{param} is {found}, but it must be a string or a list of text parts");
        ApiError::invalid(&param, message)
    };
    let part = |part: &Value| {
        let is_text = part.get("type").and_then(Value::as_str) == Some("text");
        let text = part.get("text").and_then(Value::as_str).filter(|_| is_text);
        text.map(str::to_owned)
            .ok_or_else(|| invalid("a list with another part"))
    };
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        other => Err(invalid(&other.map_or("missing".to_owned(), describe))),
    }
}
