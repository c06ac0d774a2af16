//! Lines of the output.

use super::input::LineError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Returns the identifier of a request: a hash of the `custom_id`, so that it is the same in each
/// run.
pub(super) fn id(custom_id: Option<&str>) -> String {
    let digits = Sha256::digest(custom_id.unwrap_or_default());
    digits
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns the line of a response. `body` is JSON.
pub(super) fn response(id: &str, custom_id: Option<&str>, status: u16, body: &str) -> String {
    let response =
        format!("{{\"status_code\":{status},\"request_id\":\"req_{id}\",\"body\":{body}}}");
    line(id, custom_id, &response, "null")
}

/// Returns the line of an input line that is not a request.
pub(super) fn error(id: &str, custom_id: Option<&str>, error: &LineError) -> String {
    #[derive(Serialize)]
    struct Object<'a> {
        code: &'a str,
        message: &'a str,
    }
    let LineError { code, message } = error;
    line(id, custom_id, "null", &json(&Object { code, message }))
}

/// How each line begins.
const BEGINNING: &str = "{\"id\":\"batch_req_";

/// Whether an incomplete line, which may be empty, is the beginning of a line of an output.
pub(super) fn is_beginning(line: &[u8]) -> bool {
    line.starts_with(BEGINNING.as_bytes()) || BEGINNING.as_bytes().starts_with(line)
}

fn line(id: &str, custom_id: Option<&str>, response: &str, error: &str) -> String {
    let custom_id = json(&custom_id);
    format!(
        "{BEGINNING}{id}\",\"custom_id\":{custom_id},\"response\":{response},\"error\":{error}}}\n"
    )
}

fn json(value: &impl Serialize) -> String {
    // Strings and structs of strings have a form in JSON.
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the `custom_id` of a line of an output, or `None` if it is not such a line.
#[expect(clippy::option_option, reason = "a line may have no custom_id")]
pub(super) fn custom_id(line: &[u8]) -> Option<Option<String>> {
    #[derive(Deserialize)]
    struct Line {
        id: String,
        custom_id: Option<String>,
        response: Value,
        error: Value,
    }
    let line: Line = serde_json::from_slice(line).ok()?;
    let is_response = line.response.is_object() != line.error.is_object();
    (is_response && line.id.starts_with("batch_req_")).then_some(line.custom_id)
}
