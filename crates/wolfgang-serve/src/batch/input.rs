//! Lines of the input.

use super::seed;
use crate::api::{ApiContext, ApiError, ApiRequest, Route, parse_object};
use crate::options::{MAX_BODY_BYTES, MAX_CHOICES};
use serde_json::{Map, Value};
use std::io::{BufRead, Read};

/// Maximum length of a line in bytes: the maximum size of a body that the server accepts by default.
pub(super) const MAX_LINE: usize = MAX_BODY_BYTES;

/// Reads a line with its line break; empty at the end. Of a longer line than [`MAX_LINE`], only the
/// beginning is returned.
pub(super) fn read_line(input: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input
        .take(MAX_LINE as u64 + 1)
        .read_until(b'\n', &mut line)?;
    if line.len() > MAX_LINE && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(line)
}

/// A line of the input.
#[derive(Debug)]
pub(super) struct InputLine {
    /// `None` if there is none or if it is not a string.
    pub(super) custom_id: Option<String>,
    pub(super) call: Result<Call, LineError>,
}

/// A request whose body is not validated yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) custom_id: String,
    route: Route,
    body: Map<String, Value>,
}

/// A line that is not a request.
#[derive(Debug)]
pub(super) struct LineError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl LineError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// `first` is the line that has the `custom_id`, too.
    pub(super) fn duplicate(custom_id: &str, first: usize) -> Self {
        let message = format!("the custom_id {custom_id:?} is that of line {first}, too");
        Self::new("duplicate_custom_id", message)
    }
}

impl InputLine {
    pub(super) fn parse(line: &[u8]) -> Self {
        if line.len() > MAX_LINE {
            let message = format!("the line is longer than {MAX_LINE} bytes");
            return Self {
                custom_id: None,
                call: Err(LineError::new("line_too_long", message)),
            };
        }
        let mut fields = match parse_object(line) {
            Ok(fields) => fields,
            Err(error) => {
                let message = format!("the line is not a JSON object: {error}");
                // A line with duplicate keys can have one.
                let fields: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
                return Self {
                    custom_id: fields.and_then(|mut fields| take_custom_id(&mut fields)),
                    call: Err(LineError::new("json_parse_error", message)),
                };
            }
        };
        let Some(custom_id) = take_custom_id(&mut fields) else {
            let message = "custom_id must be a string that is not empty";
            return Self {
                custom_id: None,
                call: Err(LineError::new("invalid_custom_id", message)),
            };
        };
        Self {
            custom_id: Some(custom_id.clone()),
            call: Call::new(custom_id, fields),
        }
    }
}

fn take_custom_id(fields: &mut Map<String, Value>) -> Option<String> {
    match fields.remove("custom_id") {
        Some(Value::String(id)) if !id.is_empty() => Some(id),
        _ => None,
    }
}

impl Call {
    fn new(custom_id: String, mut fields: Map<String, Value>) -> Result<Self, LineError> {
        if fields.get("method").and_then(Value::as_str) != Some("POST") {
            let message = "method must be \"POST\"";
            return Err(LineError::new("invalid_method", message));
        }
        let route = match fields.get("url").and_then(Value::as_str) {
            Some("/v1/completions") => Route::Completions,
            Some("/v1/chat/completions") => Route::Chat,
            _ => {
                let message = "url must be \"/v1/completions\" or \"/v1/chat/completions\"";
                return Err(LineError::new("invalid_url", message));
            }
        };
        match fields.remove("body") {
            Some(Value::Object(body)) => Ok(Self {
                custom_id,
                route,
                body,
            }),
            _ => Err(LineError::new("invalid_body", "body must be an object")),
        }
    }

    /// Validates the body. One without a seed, or with the seed −1, gets one that is derived from
    /// `seed`.
    pub(super) fn into_request(
        self,
        seed: u64,
        context: &ApiContext,
    ) -> Result<ApiRequest, ApiError> {
        let Self {
            custom_id,
            route,
            mut body,
        } = self;
        let given = body.entry("seed").or_insert(Value::Null);
        if given.is_null() || given.as_i64() == Some(-1) {
            *given = seed::derived(seed, &custom_id).into();
        }
        let body = Value::Object(body).to_string();
        let request = ApiRequest::parse(route, body.as_bytes(), context)?;
        if request.form.stream {
            let message = "stream must be false, because a response is one line of a file";
            return Err(ApiError::unsupported("stream", message));
        }
        let n = request.n_choices();
        if n > MAX_CHOICES {
            let message =
                format!("the request has {n} choices, but at most {MAX_CHOICES} are possible");
            return Err(ApiError::invalid("n", message));
        }
        Ok(request)
    }
}
