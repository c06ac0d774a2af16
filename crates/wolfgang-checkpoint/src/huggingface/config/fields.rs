//! Access to the fields of a `config.json`, with errors that name the field.

use crate::CheckpointError;
use crate::json::shown;
use serde_json::Value as Json;
use std::path::Path;

/// The fields of an object of the file.
pub(super) struct Fields<'a> {
    path: &'a Path,
    object: &'a Json,
    /// The name of the object, with a dot; empty for the whole file.
    prefix: String,
}

impl<'a> Fields<'a> {
    /// The fields of the whole file.
    pub(super) fn new(path: &'a Path, config: &'a Json) -> Self {
        Self {
            path,
            object: config,
            prefix: String::new(),
        }
    }

    /// The fields of the object in `field`; `None` if it is absent or null.
    pub(super) fn group(&self, field: &str) -> Result<Option<Self>, CheckpointError> {
        match &self.object[field] {
            Json::Null => Ok(None),
            object @ Json::Object(_) => Ok(Some(Self {
                path: self.path,
                object,
                prefix: format!("{field}."),
            })),
            other => Err(self.unsupported(field, other, "an object or null")),
        }
    }

    /// Creates the error for a value that is not supported.
    pub(super) fn unsupported(
        &self,
        field: &str,
        found: &Json,
        expected: impl Into<String>,
    ) -> CheckpointError {
        CheckpointError::Unsupported {
            path: self.path.to_path_buf(),
            field: format!("{}{field:.40}", self.prefix),
            found: shown(found),
            expected: expected.into(),
        }
    }

    /// Returns the value of a field; null if it is absent.
    pub(super) fn get(&self, field: &str) -> &'a Json {
        &self.object[field]
    }

    pub(super) fn is_absent(&self, field: &str) -> bool {
        self.object.get(field).is_none()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let object = self.object.as_object().into_iter().flatten();
        object.map(|(name, _)| name.as_str())
    }

    /// Refuses values other than these. The last is the one in the error.
    pub(super) fn allow(&self, field: &str, allowed: &[Json]) -> Result<(), CheckpointError> {
        let found = self.get(field);
        if allowed.contains(found) {
            return Ok(());
        }
        let expected = match allowed {
            [Json::Null] | [] => "no such field".to_owned(),
            [.., last] => last.to_string(),
        };
        Err(self.unsupported(field, found, expected))
    }

    /// Returns a size; `default` if the field is absent.
    pub(super) fn size(&self, field: &str, default: usize) -> Result<usize, CheckpointError> {
        if self.is_absent(field) {
            return Ok(default);
        }
        let found = self.get(field);
        let size = found.as_u64().and_then(|n| usize::try_from(n).ok());
        size.ok_or_else(|| self.unsupported(field, found, "a non-negative integer"))
    }

    /// Returns a number; `None` if the field is absent or null.
    pub(super) fn optional_number(&self, field: &str) -> Result<Option<f64>, CheckpointError> {
        let found = self.get(field);
        match found.as_f64() {
            None if !found.is_null() => Err(self.unsupported(field, found, "a number")),
            number => Ok(number),
        }
    }

    /// Returns a number; `default` if the field is absent or null.
    pub(super) fn number(&self, field: &str, default: f64) -> Result<f64, CheckpointError> {
        Ok(self.optional_number(field)?.unwrap_or(default))
    }

    /// Returns a number that must be present.
    pub(super) fn required_number(&self, field: &str) -> Result<f64, CheckpointError> {
        let number = self.optional_number(field)?;
        number.ok_or_else(|| self.unsupported(field, &Json::Null, "a number"))
    }

    /// Returns a boolean; `false` if the field is absent or null.
    pub(super) fn flag(&self, field: &str) -> Result<bool, CheckpointError> {
        match self.get(field) {
            Json::Null => Ok(false),
            Json::Bool(value) => Ok(*value),
            other => Err(self.unsupported(field, other, "true or false")),
        }
    }
}
