//! The metadata of a GGUF file: values by keys.

use super::reader::HeaderReader;
use crate::CheckpointError;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A value of the metadata. Strings and arrays are views into the file.
#[derive(Clone)]
pub(super) enum Value<'a> {
    Integer(i128),
    Float(f64),
    Bool(bool),
    String(&'a str),
    Array(Array<'a>),
}

/// An array whose items were validated.
#[derive(Clone)]
pub(super) struct Array<'a> {
    kind: u32,
    len: u64,
    items: HeaderReader<'a>,
}

/// Types of values. Array items have the same types, except for arrays.
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// The smallest entry: length of the key, type, and a value of one byte.
pub(super) const MIN_ENTRY: u64 = 8 + 4 + 1;

/// Values by keys.
pub(super) struct Metadata<'a> {
    path: &'a Path,
    values: BTreeMap<&'a str, Value<'a>>,
}

impl Value<'_> {
    /// Returns the number of items, for an array.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Array(array) => usize::try_from(array.len).ok(),
            _ => None,
        }
    }
}

impl<'a> Metadata<'a> {
    /// Reads `count` values.
    pub(super) fn read(reader: &mut HeaderReader<'a>, count: u64) -> Result<Self, CheckpointError> {
        let mut values = BTreeMap::new();
        for index in 0..count {
            let key = reader.string(&format!("metadata key {index}"))?;
            let kind = reader.u32(key)?;
            let value = match kind {
                ARRAY => Value::Array(Array::read(reader, key)?),
                kind => scalar(reader, kind, key)?,
            };
            if values.insert(key, value).is_some() {
                return Err(reader.invalid(key, "the key occurs twice"));
            }
        }
        let path = reader.path();
        Ok(Self { path, values })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.values.keys().copied()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.values.get(key)
    }

    /// Creates the error for a value that is not supported.
    pub(super) fn unsupported(&self, key: &str, expected: impl Into<String>) -> CheckpointError {
        CheckpointError::Unsupported {
            path: self.path.to_path_buf(),
            field: format!("{key:.100}"),
            found: match self.get(key) {
                Some(value) => format!("{:.80}", value.to_string()),
                None => "missing".to_owned(),
            },
            expected: expected.into(),
        }
    }

    /// Returns a value if the file has it. `convert` returns `None` for a value of another type.
    fn optional<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let converted = convert(value).ok_or_else(|| self.unsupported(key, expected))?;
        Ok(Some(converted))
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        self.optional(key, "a non-negative integer", |value| match value {
            Value::Integer(n) => usize::try_from(*n).ok(),
            _ => None,
        })
    }

    pub(super) fn required_size(&self, key: &str) -> Result<usize, CheckpointError> {
        let size = self.size(key)?;
        size.ok_or_else(|| self.unsupported(key, "a non-negative integer"))
    }

    pub(super) fn id(&self, key: &str) -> Result<Option<u32>, CheckpointError> {
        self.optional(key, "a token id", |value| match value {
            Value::Integer(n) => u32::try_from(*n).ok(),
            _ => None,
        })
    }

    pub(super) fn float(&self, key: &str) -> Result<Option<f64>, CheckpointError> {
        self.optional(key, "a number", |value| match value {
            Value::Integer(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        })
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        self.optional(key, "true or false", |value| match value {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        self.optional(key, "a string", |value| match value {
            Value::String(text) => Some(*text),
            _ => None,
        })
    }

    /// Returns the items of an array of strings; empty without the key.
    pub(super) fn strings(&self, key: &str) -> Result<Vec<String>, CheckpointError> {
        self.array(key, "an array of strings", |item| match item {
            Value::String(text) => Some(text.to_owned()),
            _ => None,
        })
    }

    /// Returns the items of an array of integers; empty without the key.
    pub(super) fn integers(&self, key: &str) -> Result<Vec<i32>, CheckpointError> {
        self.array(key, "an array of integers", |item| match item {
            Value::Integer(n) => i32::try_from(n).ok(),
            _ => None,
        })
    }

    /// Returns the items of an array of numbers; empty without the key.
    pub(super) fn floats(&self, key: &str) -> Result<Vec<f32>, CheckpointError> {
        self.array(key, "an array of numbers", |item| match item {
            Value::Float(x) => Some(x as f32),
            _ => None,
        })
    }

    fn array<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl Fn(Value<'a>) -> Option<T>,
    ) -> Result<Vec<T>, CheckpointError> {
        let items = self.optional(key, expected, |value| match value {
            Value::Array(array) => array.items().map(&convert).collect(),
            _ => None,
        })?;
        Ok(items.unwrap_or_default())
    }
}

impl<'a> Array<'a> {
    fn read(reader: &mut HeaderReader<'a>, key: &str) -> Result<Self, CheckpointError> {
        let kind = reader.u32(key)?;
        if kind == ARRAY {
            return Err(reader.invalid(key, "arrays of arrays are not supported"));
        }
        let min_len = if kind == STRING { 8 } else { 1 };
        let len = reader.count(min_len, key)?;
        let items = reader.clone();
        for _ in 0..len {
            scalar(reader, kind, key)?;
        }
        Ok(Self { kind, len, items })
    }

    fn items(&self) -> impl Iterator<Item = Value<'a>> {
        let mut items = self.items.clone();
        // The items were validated, so that no error occurs.
        (0..self.len).map_while(move |_| scalar(&mut items, self.kind, "").ok())
    }
}

/// Reads a value that is not an array.
fn scalar<'a>(
    reader: &mut HeaderReader<'a>,
    kind: u32,
    key: &str,
) -> Result<Value<'a>, CheckpointError> {
    Ok(match kind {
        0 => Value::Integer(u8::from_le_bytes(reader.array(key)?).into()),
        1 => Value::Integer(i8::from_le_bytes(reader.array(key)?).into()),
        2 => Value::Integer(u16::from_le_bytes(reader.array(key)?).into()),
        3 => Value::Integer(i16::from_le_bytes(reader.array(key)?).into()),
        4 => Value::Integer(reader.u32(key)?.into()),
        5 => Value::Integer(i32::from_le_bytes(reader.array(key)?).into()),
        6 => Value::Float(decimal(f32::from_le_bytes(reader.array(key)?))),
        7 => match reader.array(key)? {
            [flag @ (0 | 1)] => Value::Bool(flag == 1),
            [other] => {
                return Err(reader.invalid(key, format!("{other} is not a boolean value")));
            }
        },
        STRING => Value::String(reader.string(key)?),
        10 => Value::Integer(reader.u64(key)?.into()),
        11 => Value::Integer(i64::from_le_bytes(reader.array(key)?).into()),
        12 => Value::Float(f64::from_le_bytes(reader.array(key)?)),
        other => return Err(reader.invalid(key, format!("{other} is not a type of values"))),
    })
}

/// Converts an f32 to the f64 with the same shortest decimal representation: 1e-5 stays 1e-5.
fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or_else(|_| x.into())
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => n.fmt(f),
            Self::Float(x) => x.fmt(f),
            Self::Bool(flag) => flag.fmt(f),
            Self::String(text) => write!(f, "{:?}", text.chars().take(60).collect::<String>()),
            Self::Array(array) => write!(f, "an array of {} items", array.len),
        }
    }
}
