//! The exceptions of `wolfgang.errors`, from the errors of the libraries.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};
use std::error::Error;
use std::io::ErrorKind;
use wolfgang_generate::{
    CheckpointError, GenerateError, ModelError, SamplingError, TokenizerError,
};

static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// A value of an exception's attribute.
#[derive(Debug, IntoPyObject)]
enum Field {
    Text(String),
    Number(usize),
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Field {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

/// The name of an exception class, and the values of its attributes.
type Class = (&'static str, Vec<(&'static str, Field)>);

/// Creates an exception of a class of `wolfgang.errors`.
fn exception(py: Python<'_>, (name, fields): Class, message: &str) -> PyErr {
    let create = || -> PyResult<PyErr> {
        let module = ERRORS.get_or_try_init(py, || {
            PyModule::import(py, "wolfgang.errors").map(Bound::unbind)
        })?;
        let keywords = PyDict::new(py);
        for (name, value) in fields {
            keywords.set_item(name, value)?;
        }
        let class = module.bind(py).getattr(name)?;
        Ok(PyErr::from_value(class.call((message,), Some(&keywords))?))
    };
    create().unwrap_or_else(|error| error)
}

fn simple(name: &'static str, message: &str) -> PyErr {
    Python::attach(|py| exception(py, (name, Vec::new()), message))
}

/// The exception for a panic: a bug.
pub(crate) fn internal_error(message: &str) -> PyErr {
    simple(
        "InternalError",
        &format!("{message} (this is a bug in wolfgang; please report it)"),
    )
}

/// The exception for the use of a value of the parent process.
pub(crate) fn forked_error(what: &str) -> PyErr {
    let message = format!(
        "{what} belongs to the parent process and cannot be used after a fork: create it in the child process"
    );
    simple("ForkedError", &message)
}

/// The exception for the use of something that was closed.
pub(crate) fn closed_error(what: &str) -> PyErr {
    simple("Closed", &format!("{what} was closed"))
}

/// The exception for a prompt of a wrong type.
pub(crate) fn prompt_type_error(message: &str) -> PyErr {
    simple("PromptTypeError", message)
}

/// The exception for a wrong value of an option.
pub(crate) fn option_error(option: &str, message: &str) -> PyErr {
    let fields = vec![("option", Field::from(option))];
    Python::attach(|py| exception(py, ("OptionError", fields), message))
}

/// Converts an error, with the messages of its sources.
pub(crate) fn to_exception(error: &GenerateError) -> PyErr {
    Python::attach(|py| exception(py, class(error), &message(error)))
}

/// As [`to_exception`], for an error of the tokenizer.
pub(crate) fn tokenizer_exception(error: &TokenizerError) -> PyErr {
    Python::attach(|py| exception(py, tokenizer_class(error), &message(error)))
}

/// The message of an error and of its sources.
fn message(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message = format!("{message}: {error}");
        source = error.source();
    }
    message
}

fn class(error: &GenerateError) -> Class {
    match error {
        GenerateError::Checkpoint(error) => checkpoint_class(error),
        GenerateError::Tokenizer(error) => tokenizer_class(error),
        GenerateError::Model(error) => model_class(error),
        GenerateError::Sampling(error) => sampling_class(error),
        GenerateError::GenerationConfig { .. } => ("CheckpointError", Vec::new()),
        GenerateError::VocabularyMismatch { tokenizer, model } => (
            "VocabularyMismatch",
            vec![
                ("tokenizer", (*tokenizer).into()),
                ("model", (*model).into()),
            ],
        ),
        GenerateError::HubNotCompiledIn { .. } | GenerateError::HubNotSet { .. } => {
            ("HubError", Vec::new())
        }
        GenerateError::PromptTooLong { tokens, block_size } => (
            "PromptTooLong",
            vec![
                ("tokens", (*tokens).into()),
                ("block_size", (*block_size).into()),
            ],
        ),
        GenerateError::EmptyStopString { .. } => option("stop_strings"),
        GenerateError::Grammar(_) => option("grammar"),
        GenerateError::TooManyAlternatives { .. } => option("alternatives"),
        GenerateError::MinAboveMax { .. } => option("min_new_tokens"),
        GenerateError::SampleCount { .. } => option("n"),
        GenerateError::UnknownStopToken { .. } => option("stop_tokens"),
        GenerateError::EmptyPrompt
        | GenerateError::EmptyContinuation
        | GenerateError::ContinuationTooLong { .. }
        | GenerateError::NoEndOfText
        | GenerateError::NothingToAnswer => ("PromptError", Vec::new()),
        GenerateError::GenerationFailed { .. } => ("GenerationError", Vec::new()),
        GenerateError::EngineClosed => ("Closed", Vec::new()),
        GenerateError::EngineStopped | GenerateError::CallbackPanicked { .. } => {
            ("InternalError", Vec::new())
        }
        _ => ("WolfgangError", Vec::new()),
    }
}

fn option(name: &'static str) -> Class {
    ("OptionError", vec![("option", name.into())])
}

fn checkpoint_class(error: &CheckpointError) -> Class {
    match error {
        CheckpointError::Read { path, source } if source.kind() == ErrorKind::NotFound => (
            "CheckpointNotFound",
            vec![("path", path.display().to_string().into())],
        ),
        CheckpointError::MissingEntry { entry, .. } => {
            ("CheckpointEntryMissing", vec![("entry", (*entry).into())])
        }
        CheckpointError::Config { field, .. } | CheckpointError::Unsupported { field, .. } => (
            "CheckpointConfigError",
            vec![("field", field.clone().into())],
        ),
        CheckpointError::Device { .. } => ("DeviceError", Vec::new()),
        CheckpointError::HubName { .. }
        | CheckpointError::HubNotFound { .. }
        | CheckpointError::HubUnreachable { .. }
        | CheckpointError::HubBusy { .. }
        | CheckpointError::HubUnexpectedResponse { .. }
        | CheckpointError::HubInterrupted { .. }
        | CheckpointError::HubSize { .. }
        | CheckpointError::HubSeveral { .. }
        | CheckpointError::HubNoSuchFile { .. }
        | CheckpointError::HubContents { .. }
        | CheckpointError::HubNotCached { .. } => ("HubError", Vec::new()),
        _ => ("CheckpointError", Vec::new()),
    }
}

fn tokenizer_class(error: &TokenizerError) -> Class {
    match error {
        TokenizerError::Read { path, source } if source.kind() == ErrorKind::NotFound => (
            "TokenizerNotFound",
            vec![("path", path.display().to_string().into())],
        ),
        _ => ("TokenizerError", Vec::new()),
    }
}

fn model_class(error: &ModelError) -> Class {
    match error {
        ModelError::UnknownPrecision { .. } => option("dtype"),
        ModelError::ContextTooLong { .. } => option("context"),
        ModelError::NoIds | ModelError::UnknownId { .. } | ModelError::ContextFull { .. } => {
            ("PromptError", Vec::new())
        }
        _ => ("DeviceError", Vec::new()),
    }
}

fn sampling_class(error: &SamplingError) -> Class {
    match error {
        SamplingError::InvalidParam {
            parameter,
            value,
            rule,
        } => (
            "OptionError",
            vec![
                ("option", (*parameter).into()),
                ("value", value.clone().into()),
                ("rule", (*rule).into()),
            ],
        ),
        SamplingError::UnknownId { parameter, .. } => option(parameter),
        SamplingError::ConflictingParams { parameters, .. } => option(parameters[0]),
        _ => ("GenerationError", Vec::new()),
    }
}
