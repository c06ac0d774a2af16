//! Errors in OpenAI's form.

use serde::Serialize;
use wolfgang_generate::{GenerateError, ModelError, SamplingError, TokenizerError};

/// An error response: a status code, and the object `{"error": {…}}` of OpenAI's interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status code.
    pub status: u16,
    /// The class of the error, for example `invalid_request_error`.
    pub kind: &'static str,
    /// The error in a form for programs, for example `context_length_exceeded`.
    pub code: Option<&'static str>,
    /// The field of the request that the error is about.
    pub param: Option<String>,
    /// What failed and what to do.
    pub message: String,
}

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER: &str = "server_error";

#[derive(Serialize)]
struct Body<'a> {
    error: Object<'a>,
}

#[derive(Serialize)]
struct Object<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl ApiError {
    pub(crate) fn new(
        status: u16,
        kind: &'static str,
        code: impl Into<Option<&'static str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code: code.into(),
            param: None,
            message: message.into(),
        }
    }

    /// A field with a value that cannot be used.
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::bad_request("invalid_value", message).of(param)
    }

    pub(crate) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self::bad_request("unsupported_parameter", message).of(param)
    }

    pub(crate) fn bad_request(
        code: impl Into<Option<&'static str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(400, INVALID_REQUEST, code, message)
    }

    pub(crate) fn refused(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, INVALID_REQUEST, code, message)
    }

    pub(crate) fn overloaded(message: impl Into<String>) -> Self {
        Self::new(429, "rate_limit_error", "queue_full", message)
    }

    pub(crate) fn shutting_down() -> Self {
        let message = "the server is shutting down; send the request to another server";
        Self::unavailable("shutting_down", message)
    }

    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(503, SERVER, code, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, SERVER, "internal_error", message)
    }

    pub(crate) fn of(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// Returns the body of the response, `{"error": {"message", "type", "param", "code"}}`.
    pub fn to_json(&self) -> String {
        let error = Object {
            message: &self.message,
            r#type: self.kind,
            param: self.param.as_deref(),
            code: self.code,
        };
        serde_json::to_string(&Body { error }).unwrap_or_default()
    }
}

/// The error and its sources in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        message = format!("{message}: {error}");
        source = error.source();
    }
    message
}

impl From<GenerateError> for ApiError {
    fn from(error: GenerateError) -> Self {
        let message = with_sources(&error);
        match error {
            GenerateError::PromptTooLong { tokens, block_size } => {
                Self::too_long(tokens, block_size)
            }
            GenerateError::EmptyStopString { .. } => Self::invalid("stop", message),
            GenerateError::UnknownStopToken { .. } => Self::invalid("stop_token_ids", message),
            GenerateError::TooManyAlternatives { .. } => Self::invalid("logprobs", message),
            GenerateError::MinAboveMax { min, max } => Self::invalid(
                "min_tokens",
                format!("min_tokens is {min}, but it must be at most max_tokens ({max})"),
            ),
            GenerateError::EmptyPrompt | GenerateError::Model(ModelError::UnknownId { .. }) => {
                Self::invalid("prompt", message)
            }
            GenerateError::Sampling(error) => error.into(),
            GenerateError::Grammar(_) => Self::bad_request("invalid_value", message),
            GenerateError::Tokenizer(error) => error.into(),
            GenerateError::GenerationFailed { source, .. } => match *source {
                GenerateError::Sampling(error) => error.into(),
                _ => Self::internal(message),
            },
            GenerateError::EngineClosed => Self::shutting_down(),
            GenerateError::QueueFull { .. } => Self::overloaded(message),
            _ => Self::internal(message),
        }
    }
}

impl ApiError {
    pub(crate) fn too_long(tokens: usize, block_size: usize) -> Self {
        Self::bad_request(
            "context_length_exceeded",
            format!(
                "the prompt has {tokens} tokens, but the model's context has {block_size}; shorten the prompt"
            ),
        )
        .of("prompt")
    }
}

impl From<SamplingError> for ApiError {
    fn from(error: SamplingError) -> Self {
        let message = error.to_string();
        match error {
            SamplingError::InvalidParam { parameter, .. }
            | SamplingError::UnknownId { parameter, .. } => {
                Self::invalid(parameter_name(parameter), message)
            }
            SamplingError::ConflictingParams { parameters, .. } => {
                Self::invalid(parameter_name(parameters[0]), message)
            }
            // The parameters of the request exclude every token.
            SamplingError::AllTokensMasked
            | SamplingError::ConflictsWithConstraint { .. }
            | SamplingError::Constraint(_) => Self::bad_request("invalid_value", message),
            _ => Self::internal(message),
        }
    }
}

/// The field of a request that sets a parameter of the sampling chain.
fn parameter_name(parameter: &str) -> &str {
    match parameter {
        "allowed_tokens" => "allowed_token_ids",
        "banned_tokens" => "banned_token_ids",
        "min_new_tokens" => "min_tokens",
        "dry.multiplier" => "dry_multiplier",
        "dry.base" => "dry_base",
        "dry.allowed_length" => "dry_allowed_length",
        "dry.window" => "dry_penalty_last_n",
        "dry.sequence_breakers" => "dry_sequence_breakers",
        "dynamic_temperature.range" => "dynatemp_range",
        "dynamic_temperature.exponent" => "dynatemp_exponent",
        "xtc.probability" => "xtc_probability",
        "xtc.threshold" => "xtc_threshold",
        "mirostat.tau" => "mirostat_tau",
        "mirostat.eta" => "mirostat_eta",
        other => other,
    }
}

impl From<TokenizerError> for ApiError {
    fn from(error: TokenizerError) -> Self {
        let message = with_sources(&error);
        match error {
            TokenizerError::NoChatToken { .. } => Self::bad_request(
                "no_chat_template",
                format!(
                    "the model has no chat format ({message}); use /v1/completions, or load a model with a chat template"
                ),
            ),
            TokenizerError::ChatTemplate { .. }
            | TokenizerError::RefusedByChatTemplate { .. }
            | TokenizerError::UntraceableChat { .. } => Self::invalid("messages", message),
            _ => Self::internal(message),
        }
    }
}
