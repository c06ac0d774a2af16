//! Texts from arguments, files and standard input.

use crate::error::UsageError;
use crate::standard_streams;
use anyhow::Context;
use std::io::IsTerminal;
use std::path::Path;

/// The text given, or for `-` the text on standard input.
pub(crate) fn text(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let bytes = standard_streams::read_input()?;
    let text = utf8(bytes, "standard input")?;
    // Commands that print a line end it with a line break, which is not part of the text.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The text given, or without one the text piped in; `None` if standard input is a terminal or
/// closed.
pub(crate) fn given_or_piped(given: Option<&str>) -> anyhow::Result<Option<String>> {
    match given {
        Some(given) => text(given).map(Some),
        None if std::io::stdin().is_terminal() || standard_streams::is_input_closed() => Ok(None),
        None => text("-").map(Some),
    }
}

/// As [`given_or_piped`], but a missing text is an error, and so is an empty standard input that
/// was not asked for with `-`.
pub(crate) fn required(given: Option<&str>) -> anyhow::Result<String> {
    let text = given_or_piped(given)?;
    let text = text.filter(|text| given.is_some() || !text.is_empty());
    let missing =
        "a text is required: pass it as an argument, pipe it in, or name a file with --file";
    Ok(text.ok_or_else(|| UsageError(missing.to_owned()))?)
}

/// The complete text of a file.
pub(crate) fn file(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {name}"))?;
    utf8(bytes, &name)
}

/// The byte order mark that Windows programs write before UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The text without a byte order mark.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The encoding other than UTF-8 that a byte order mark indicates. UTF-32 comes first: its mark
/// begins with that of UTF-16.
fn marked_encoding(bytes: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], _); 4] = [
        (b"\xff\xfe\0\0", "UTF-32"),
        (b"\0\0\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ];
    let found = marks.iter().find(|(mark, _)| bytes.starts_with(mark));
    found.map(|(_, encoding)| *encoding)
}

fn utf8(bytes: Vec<u8>, origin: &str) -> anyhow::Result<String> {
    if let Some(encoding) = marked_encoding(&bytes) {
        return Err(UsageError(format!(
            "{origin} is {encoding} text, but it must be UTF-8: save it as UTF-8 or convert it with iconv -f {encoding} -t \
             UTF-8"
        ))
        .into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        UsageError(format!(
            "{origin} is not UTF-8 text: the byte at offset {at} is not valid; save it as UTF-8 or convert it, for \
             example with iconv -f ISO-8859-1 -t UTF-8"
        ))
    })?;
    Ok(without_byte_order_mark(&text).to_owned())
}
