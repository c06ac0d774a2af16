//! Where a text comes from.

use crate::report::BadParameter;
use anyhow::Context;
use std::io::Read;
use std::path::Path;

/// The text given, or for `-` that on standard input.
pub(crate) fn text(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    let text = utf8(bytes, "standard input")?;
    // Whatever writes a line ends it; the line break is not meant as part of the text.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The text in a file, all of it.
pub(crate) fn file(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    utf8(bytes, &name)
}

/// What some editors put before UTF-8 text, which is no part of it.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn utf8(bytes: Vec<u8>, origin: &str) -> anyhow::Result<String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        BadParameter(format!(
            "{origin} is not UTF-8 text: byte {at} belongs to no character"
        ))
    })?;
    Ok(without_byte_order_mark(&text).to_owned())
}
