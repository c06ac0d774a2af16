//! Parsing of a body: an object without duplicate keys.

use crate::api::ApiError;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The fields of an object. `serde_json` would keep the last of several with the same name.
struct UniqueFields(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = UniqueFields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<UniqueFields, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format!("the field {name:?} occurs twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(UniqueFields(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Parses a body. Nesting deeper than 128 levels is an error, because `serde_json` parses
/// recursively.
pub(crate) fn parse(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let parsed: Result<UniqueFields, _> = serde_json::from_slice(body);
    match parsed {
        Ok(UniqueFields(fields)) => Ok(fields),
        Err(error) => Err(ApiError::bad_request(
            "json_parse_error",
            format!("the body is not a JSON object: {error}"),
        )),
    }
}

/// What a value is, for messages. Strings and lists may be long, so that they are not shown.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) if text.len() <= 40 => format!("{text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
