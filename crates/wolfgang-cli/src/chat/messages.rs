//! Lists of messages in the format of the OpenAI API.

use crate::error::MessageError;
use serde_json::{Map, Value};
use wolfgang_generate::{Message, Role};

/// Messages, and the system prompt before them if there is one.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    pub(crate) system: Option<String>,
    pub(crate) messages: Vec<Message>,
}

impl Messages {
    /// Reads a list of messages or an object with `messages`: a file written by `/save`, or a
    /// request of the OpenAI API, whose other fields (`model`, `temperature`) are ignored.
    pub(crate) fn from_json(json: &Value) -> Result<Self, MessageError> {
        let mut found = Self::default();
        let list = match json {
            Value::Array(list) => list,
            Value::Object(object) => {
                found.system = system(object)?;
                let list = object.get("messages").and_then(Value::as_array);
                list.ok_or(MessageError::NoList)?
            }
            _ => return Err(MessageError::NoList),
        };
        let is_named = found.system.is_some();
        for (index, message) in list.iter().enumerate() {
            found.add(index + 1, message, is_named)?;
        }
        Ok(found)
    }

    /// Fields other than role and content (a name, a `refusal` of null) are ignored.
    fn add(
        &mut self,
        position: usize,
        message: &Value,
        is_system_named: bool,
    ) -> Result<(), MessageError> {
        let no_object = MessageError::NoObject { position };
        let role = message.get("role").ok_or(no_object)?;
        let said = match role.as_str() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system" | "developer") if self.messages.is_empty() => {
                if is_system_named {
                    return Err(MessageError::TwoSystems { position });
                }
                let text = content(position, message)?;
                self.system = Some(match self.system.take() {
                    Some(before) => format!("{before}\n{text}"),
                    None => text,
                });
                return Ok(());
            }
            _ => {
                let role = role.to_string();
                return Err(MessageError::Role { position, role });
            }
        };
        let text = content(position, message)?;
        self.messages.push(Message::new(said, text));
        Ok(())
    }
}

fn system(object: &Map<String, Value>) -> Result<Option<String>, MessageError> {
    match object.get("system") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MessageError::SystemNoText),
    }
}

/// The text, or the texts of the parts joined.
fn content(position: usize, message: &Value) -> Result<String, MessageError> {
    let parts = match message.get("content") {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Array(parts)) => parts,
        _ => return Err(MessageError::Content { position }),
    };
    let text = |(index, part): (usize, &Value)| {
        let kind = part.get("type").unwrap_or(&Value::Null);
        let is_text = matches!(kind.as_str(), Some("text" | "input_text" | "output_text"));
        let text = part.get("text").and_then(Value::as_str);
        let text = text.filter(|_| is_text).map(str::to_owned);
        text.ok_or_else(|| MessageError::Part {
            position,
            part: index + 1,
            found: kind.to_string(),
        })
    };
    parts.iter().enumerate().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> Result<(Option<String>, Vec<String>), MessageError> {
        let Messages { system, messages } = Messages::from_json(&json)?;
        Ok((system, messages.into_iter().map(|m| m.content).collect()))
    }

    #[test]
    fn lists_objects_and_parts_are_read() {
        let user = json!({"role": "user", "content": "Wer?", "name": "a"});
        let said = vec!["Wer?".to_owned()];
        assert_eq!(read(json!([user])), Ok((None, said.clone())));
        assert_eq!(read(json!({"messages": [user]})), Ok((None, said.clone())));
        let parts = json!([{"type": "text", "text": "We"}, {"type": "text", "text": "r?"}]);
        let system = json!({"role": "system", "content": "Du"});
        let developer = json!({"role": "developer", "content": "bist"});
        assert_eq!(
            read(json!([system, developer, {"role": "user", "content": parts}])),
            Ok((Some("Du\nbist".to_owned()), said.clone()))
        );
        assert_eq!(read(json!([])), Ok((None, vec![])));
        let request = json!({"model": "gpt", "messages": [user], "temperature": 0.2, "tools": []});
        assert_eq!(read(request), Ok((None, said)));
    }

    #[test]
    fn errors_contain_the_position() {
        let user = json!({"role": "user", "content": "Wer?"});
        let system = json!({"role": "system", "content": "Du"});
        let role = |position, role: &str| MessageError::Role {
            position,
            role: role.to_owned(),
        };
        let image = json!([{"type": "text", "text": ""}, {"type": "image_url"}]);
        let cases = [
            (json!("Wer?"), MessageError::NoList),
            (json!({"messages": 1}), MessageError::NoList),
            (json!({"message": []}), MessageError::NoList),
            (
                json!([user, "Wer?"]),
                MessageError::NoObject { position: 2 },
            ),
            (
                json!([user, {"role": "tool", "content": ""}]),
                role(2, "\"tool\""),
            ),
            (json!([user, system]), role(2, "\"system\"")),
            (
                json!([{"role": "user"}]),
                MessageError::Content { position: 1 },
            ),
            (
                json!([{"role": "assistant", "content": null, "tool_calls": []}]),
                MessageError::Content { position: 1 },
            ),
            (
                json!([{"role": "user", "content": image}]),
                MessageError::Part {
                    position: 1,
                    part: 2,
                    found: "\"image_url\"".into(),
                },
            ),
            (
                json!({"system": "Er", "messages": [system]}),
                MessageError::TwoSystems { position: 1 },
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json.clone()), Err(expected), "{json}");
        }
    }
}
