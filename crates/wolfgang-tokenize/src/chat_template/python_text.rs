//! Text of values, as Python's `str` returns it.

use super::json::{MAX_DEPTH, too_deep};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, Output, State};
use std::fmt::Write;

/// Writes the value of an expression `{{ … }}`.
pub(super) fn write(
    out: &mut Output<'_>,
    _: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => out.write_str(text),
        None => out.write_str(&text(value)?),
    }
    .map_err(Error::from)
}

/// Returns the text of a value.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    match value.as_str() {
        Some(content) => text.push_str(content),
        None if value.is_undefined() => {}
        None => write_repr(&mut text, value, 0)?,
    }
    Ok(text)
}

/// Appends the text of a value in a list, as Python's `repr` returns it.
fn write_repr(text: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    match value.kind() {
        ValueKind::None => text.push_str("None"),
        ValueKind::Bool => text.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::String => write_quoted(text, value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            text.push('[');
            for (index, item) in value.try_iter()?.enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write_repr(text, &item, depth + 1)?;
            }
            text.push(']');
        }
        ValueKind::Map => {
            text.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                write_repr(text, &key, depth + 1)?;
                text.push_str(": ");
                write_repr(text, &value.get_item(&key)?, depth + 1)?;
            }
            text.push('}');
        }
        _ => write!(text, "{value}")?,
    }
    Ok(())
}

/// Quotes a string; with double quotes if it contains single ones only.
fn write_quoted(text: &mut String, content: &str) {
    let quote = match content.contains('\'') && !content.contains('"') {
        true => '"',
        false => '\'',
    };
    text.push(quote);
    for c in content.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            c if c == quote => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push(quote);
}
