//! Reading of fields that have been checked against the table.

use crate::api::ApiError;
use crate::api::fields::{Field, Kind, Route, Support, fields};
use crate::api::json::describe;
use serde_json::{Map, Value};

/// The fields of a request that have an effect.
#[derive(Debug)]
pub(crate) struct Reader {
    fields: Map<String, Value>,
    /// Names that are not in the table.
    ignored: Vec<String>,
}

impl Reader {
    /// Checks the fields of a request.
    pub(crate) fn new(route: Route, given: Map<String, Value>) -> Result<Self, ApiError> {
        let mut reader = Self {
            fields: Map::new(),
            ignored: Vec::new(),
        };
        for (name, value) in given {
            let Some(field) = fields(route).find(|field| field.name == name) else {
                reader.ignored.push(name);
                continue;
            };
            if value.is_null() {
                continue;
            }
            match field.support {
                Support::Rejected(neutral) => refuse(field, &value, neutral)?,
                Support::NoEffect => {}
                Support::Supported => {
                    check(field, &value)?;
                    reader.fields.insert(name, value);
                }
            }
        }
        Ok(reader)
    }

    /// Takes the value of a field.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    pub(crate) fn number(&mut self, name: &str) -> Option<f32> {
        Some(self.take(name)?.as_f64()? as f32)
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        self.take(name)?.as_i64()
    }

    pub(crate) fn count(&mut self, name: &str) -> Option<usize> {
        usize::try_from(self.integer(name)?).ok()
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name)?.as_bool()
    }

    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        match self.take(name)? {
            Value::Array(texts) => texts.into_iter().map(text).collect(),
            value => Some(vec![text(value)?]),
        }
    }

    /// A set of ids, in ascending order. Each of them costs time for each token.
    pub(crate) fn id_set(&mut self, name: &str) -> Option<Vec<u32>> {
        let ids = self.take(name)?;
        let ids = ids.as_array()?.iter().map(id);
        let mut ids: Vec<u32> = ids.collect::<Option<_>>()?;
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    /// Adds a name that no field has.
    pub(crate) fn ignore(&mut self, name: String) {
        self.ignored.push(name);
    }

    /// The names that no field has: for the header `x-wolfgang-ignored`.
    pub(crate) fn ignored(self) -> Vec<String> {
        self.ignored
    }

    /// The value of a field with two names.
    pub(crate) fn either<T: PartialEq>(
        &mut self,
        names: [&str; 2],
        take: impl Fn(&mut Self, &str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let values = names.map(|name| take(self, name));
        match values {
            [Some(a), Some(b)] if a != b => Err(ApiError::invalid(
                names[1],
                format!(
                    "{} and {} are the same parameter, but have different values",
                    names[0], names[1]
                ),
            )),
            [a, b] => Ok(a.or(b)),
        }
    }
}

/// A token id, if the value is one that a vocabulary can have.
pub(crate) fn id(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

fn refuse(field: &Field, value: &Value, neutral: &[&str]) -> Result<(), ApiError> {
    let is = |text: &&str| serde_json::from_str::<Value>(text).is_ok_and(|other| other == *value);
    if neutral.iter().any(is) {
        return Ok(());
    }
    let Field { name, note, .. } = field;
    Err(ApiError::unsupported(
        name,
        format!("{name} is not supported: {note}"),
    ))
}

fn check(field: &Field, value: &Value) -> Result<(), ApiError> {
    let name = field.name;
    let expected = match field.kind {
        Kind::Number(min, max) => match value.as_f64() {
            Some(number) if min <= number && number <= max => {
                return Ok(());
            }
            _ if max < Kind::UNBOUNDED => format!("a number from {min} to {max}"),
            _ => format!("a number of at least {min}"),
        },
        Kind::Integer(min, max) => {
            let fits = match (value.as_u64(), value.as_i64()) {
                (Some(number), _) => number <= max && (min < 0 || number >= min.unsigned_abs()),
                (None, Some(number)) => number >= min,
                (None, None) => false,
            };
            if fits {
                return Ok(());
            }
            format!("an integer from {min} to {max}")
        }
        Kind::Boolean if value.is_boolean() => return Ok(()),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Text if value.is_string() => return Ok(()),
        Kind::Text => "a string".to_owned(),
        Kind::Texts if value.is_string() => return Ok(()),
        Kind::Texts if all(value, Value::is_string) => return Ok(()),
        Kind::Texts => "a string or a list of strings".to_owned(),
        Kind::Ids if all(value, |value| id(value).is_some()) => return Ok(()),
        Kind::Ids => "a list of token ids".to_owned(),
        Kind::Object | Kind::Bias | Kind::StreamOptions if value.is_object() => return Ok(()),
        Kind::Object | Kind::Bias | Kind::StreamOptions => "an object".to_owned(),
        Kind::Messages if value.is_array() => return Ok(()),
        Kind::Messages => "a list of messages".to_owned(),
        Kind::Prompt | Kind::Any => return Ok(()),
    };
    Err(ApiError::invalid(
        name,
        format!("{name} is {}, but it must be {expected}", describe(value)),
    ))
}

fn all(value: &Value, is_one: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(is_one))
}
