//! Prompts and options, from Python objects.

use crate::errors::{option_error, prompt_type_error};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString};
use pythonize::{Depythonizer, depythonize, pythonize};
use serde::Deserialize;
use wolfgang_generate::{GenerateOptions, Message, Prompt};

/// A prompt that borrows nothing from Python.
#[derive(Debug)]
pub(crate) enum OwnedPrompt {
    Text(String),
    Ids(Vec<u32>),
    Chat(Vec<Message>),
}

impl OwnedPrompt {
    /// Converts a `str`, a sequence of ids or a list of dictionaries with `role` and `content`.
    pub(crate) fn from_python(prompt: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = prompt.cast::<PyString>() {
            return Ok(Self::Text(text.to_str()?.to_owned()));
        }
        let is_bytes = prompt.is_instance_of::<PyBytes>() || prompt.is_instance_of::<PyByteArray>();
        let first = prompt.get_item(0).ok();
        if first.is_some_and(|first| first.is_instance_of::<PyDict>()) {
            let messages = depythonize(prompt);
            return messages.map(Self::Chat).map_err(|error| {
                prompt_type_error(&format!("the messages are not valid: {error}"))
            });
        }
        match prompt.extract() {
            Ok(ids) if !is_bytes => Ok(Self::Ids(ids)),
            _ => {
                let found = prompt.get_type().name()?;
                Err(prompt_type_error(&format!(
                    "the prompt must be a str, a sequence of token ids (int) or a list of messages, not {found}"
                )))
            }
        }
    }

    pub(crate) fn borrow(&self) -> Prompt<'_> {
        match self {
            Self::Text(text) => Prompt::Text(text),
            Self::Ids(ids) => Prompt::Ids(ids),
            Self::Chat(messages) => Prompt::Chat(messages),
        }
    }
}

/// Deserializes a dictionary. An error names the field.
pub(crate) fn from_dict<'py, T: Deserialize<'py>>(dict: &Bound<'py, PyDict>) -> PyResult<T> {
    let mut input = Depythonizer::from_object(dict.as_any());
    serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let path = error.path().to_string();
        let option = path.strip_prefix("sampling.").unwrap_or(&path);
        option_error(option, &format!("{option}: {}", error.inner()))
    })
}

/// Returns the options of a generation with their defaults, as `generate` takes them.
#[pyfunction]
pub(crate) fn default_options(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Ok(pythonize(py, &GenerateOptions::default())?)
}
