//! The texts of tokens.

use crate::ExplainError;
use serde::Serialize;
use serde_json::Value;
use wolfgang_generate::Tokenizer;

/// The text of a token.
#[derive(Clone, Debug)]
pub(crate) struct TokenText {
    /// The text, with U+FFFD for bytes that are not complete characters.
    pub(crate) text: String,
    /// The bytes, if they are not complete characters.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl TokenText {
    pub(crate) fn new(id: u32, tokenizer: &Tokenizer) -> Self {
        let bytes = tokenizer.token_bytes(id).unwrap_or_default();
        Self {
            text: tokenizer.token_text(id).into_owned(),
            bytes: std::str::from_utf8(bytes).is_err().then(|| bytes.to_vec()),
        }
    }

    /// Returns the text on one line, with symbols for control characters, or the bytes in
    /// hexadecimal.
    pub(crate) fn label(&self) -> String {
        match &self.bytes {
            Some(bytes) => hex(bytes),
            None => self.text.chars().map(visible).collect(),
        }
    }
}

/// Serializes a value of the libraries, for example [`TokenLogprobs`], and adds the text of each
/// token: every object with an `id` gets a field `token` and, if the bytes of the token are not
/// complete characters, `bytes`.
///
/// ```
/// use serde_json::json;
/// use wolfgang_explain::with_token_texts;
/// use wolfgang_generate::Tokenizer;
///
/// let tokenizer = Tokenizer::from_bytes(wolfgang_faust::TOKENIZER)?;
/// let id = tokenizer.encode("und")?[0];
/// let value = with_token_texts(&json!({ "id": id }), &tokenizer)?;
/// assert_eq!(value, json!({ "id": id, "token": "und" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExplainError::Json`] if the value cannot be serialized.
///
/// [`TokenLogprobs`]: wolfgang_generate::TokenLogprobs
pub fn with_token_texts<T: Serialize + ?Sized>(
    value: &T,
    tokenizer: &Tokenizer,
) -> Result<Value, ExplainError> {
    // Through text: `to_value` would give an f32 the digits of an f64.
    let mut json = serde_json::from_str(&serde_json::to_string(value)?)?;
    add_token_texts(&mut json, tokenizer);
    Ok(json)
}

fn add_token_texts(json: &mut Value, tokenizer: &Tokenizer) {
    match json {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| add_token_texts(item, tokenizer)),
        Value::Object(fields) => {
            fields
                .values_mut()
                .for_each(|field| add_token_texts(field, tokenizer));
            let id = fields.get("id").and_then(Value::as_u64);
            if let Some(id) = id.and_then(|id| u32::try_from(id).ok()) {
                let TokenText { text, bytes } = TokenText::new(id, tokenizer);
                fields.insert("token".to_owned(), text.into());
                fields.extend(bytes.map(|bytes| ("bytes".to_owned(), bytes.into())));
            }
        }
        _ => {}
    }
}

/// Formats bytes in hexadecimal, separated by spaces.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

/// Replaces a control character, which is invisible or moves the cursor of a terminal, by a symbol.
pub(crate) fn visible(c: char) -> char {
    match c {
        '\n' => '⏎',
        '\t' => '⇥',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_line_without_control_characters() {
        let text = |text: &str, bytes: Option<&[u8]>| TokenText {
            text: text.to_owned(),
            bytes: bytes.map(<[u8]>::to_vec),
        };
        assert_eq!(text("a\n\tb\x1b", None).label(), "a⏎⇥b\u{fffd}");
        assert_eq!(text("\u{fffd}", Some(&[0xc3, 0x0a])).label(), "C3 0A");
    }
}
