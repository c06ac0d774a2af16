//! The JSON files of a folder, also with the extensions of Python's `json` module.

use crate::{CheckpointError, git_lfs, small_file};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

/// Numbers that Python's `json` module writes and that are not valid JSON.
const PYTHON_NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Size limit, hundreds of times the size of the largest index of a Wolfgang-LM.
const MAX_BYTES: u64 = 16 << 20;

/// Size limit of a `tokenizer.json`, which for Llama 3 has 17 MB.
const MAX_TOKENIZER_BYTES: u64 = 64 << 20;

/// Reads the file at `path`.
pub(crate) fn read_json(path: &Path) -> Result<Json, CheckpointError> {
    read_limited(path, MAX_BYTES)
}

/// Reads the `tokenizer.json` at `path`.
pub(crate) fn read_tokenizer(path: &Path) -> Result<Json, CheckpointError> {
    read_limited(path, MAX_TOKENIZER_BYTES)
}

fn read_limited(path: &Path, max: u64) -> Result<Json, CheckpointError> {
    let json = small_file::read(path, max).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => CheckpointError::damaged(path, error),
        _ => CheckpointError::read(path, error),
    })?;
    parse_json(path, &json)
}

/// Parses the content of the file at `path`.
///
/// A byte order mark is ignored. `Infinity`, `-Infinity` and `NaN` become strings: a field that
/// must be a number then has an invalid value, and other fields are unaffected.
pub(crate) fn parse_json(path: &Path, json: &[u8]) -> Result<Json, CheckpointError> {
    git_lfs::check(path, json)?;
    if is_utf16(json) {
        return Err(CheckpointError::not_a_checkpoint(
            path,
            "it is UTF-16 text, but it must be UTF-8; \
             save it as UTF-8 or convert it with iconv -f UTF-16 -t UTF-8",
        ));
    }
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let parsed = serde_json::from_slice(json).or_else(|error| match quoted(json) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(quoted) => serde_json::from_slice(&quoted),
    });
    parsed.map_err(|e| CheckpointError::damaged(path, e))
}

/// Whether a file begins with a byte order mark of UTF-16 or with an ASCII character in UTF-16.
fn is_utf16(json: &[u8]) -> bool {
    matches!(
        json,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..]
    )
}

/// Formats a value for a message, at most 80 characters. [`PYTHON_NUMBERS`] are not quoted.
pub(crate) fn shown(value: &Json) -> String {
    match value.as_str() {
        Some(number) if PYTHON_NUMBERS.contains(&number) => number.to_owned(),
        _ => format!("{:.80}", value.to_string()),
    }
}

/// Returns `json` with [`PYTHON_NUMBERS`] quoted.
fn quoted(json: &[u8]) -> Cow<'_, [u8]> {
    let mut quoted = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    while let Some(&byte) = json.get(at) {
        let starts = |number: &&&str| json[at..].starts_with(number.as_bytes());
        if in_string {
            in_string = byte != b'"';
            at += if byte == b'\\' { 2 } else { 1 };
        } else if byte == b'"' {
            in_string = true;
            at += 1;
        } else if let Some(number) = PYTHON_NUMBERS.iter().find(starts) {
            quoted.extend_from_slice(&json[copied..at]);
            quoted.extend([b"\"", number.as_bytes(), b"\""].concat());
            at += number.len();
            copied = at;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    quoted.extend_from_slice(&json[copied..]);
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(json: &str) -> Option<Json> {
        parse_json(Path::new("config.json"), json.as_bytes()).ok()
    }

    #[test]
    fn python_numbers_outside_strings_become_strings() {
        assert_eq!(
            parsed(r#"{"a":[-Infinity,Infinity, NaN],"b":"NaN","c\"":"\\","NaN":1.5}"#),
            Some(
                json!({"a": ["-Infinity", "Infinity", "NaN"], "b": "NaN", "c\"": "\\", "NaN": 1.5})
            )
        );
        assert_eq!(parsed("Infinity"), Some(json!("Infinity")));
        for broken in [
            "",
            "-",
            "Infi",
            "{\"a\": nan}",
            "[NaNNaN]",
            "\"NaN",
            "[\"\\",
        ] {
            assert_eq!(parsed(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        assert_eq!(parsed("\u{feff}{\"a\":NaN}"), Some(json!({"a": "NaN"})));
        assert_eq!(parsed("\u{feff}\u{feff}{}"), None);
    }

    #[test]
    fn python_numbers_are_shown_without_quotes() {
        assert_eq!(shown(&json!("-Infinity")), "-Infinity");
        assert_eq!(shown(&json!("gelu")), "\"gelu\"");
    }
}
