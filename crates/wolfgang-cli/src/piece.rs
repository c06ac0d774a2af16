//! What a token says.

use serde::Serialize;
use serde_json::Value;
use wolfgang_generate::{SpecialTokens, Tokenizer};

/// What a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// What of it is text.
    pub(crate) token: String,
    /// Its bytes, if they are no whole characters.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Piece {
    pub(crate) fn new(id: u32, tokenizer: &Tokenizer) -> Self {
        let bytes = tokenizer.token_bytes(id).unwrap_or_default();
        Self {
            token: tokenizer.decode(&[id], SpecialTokens::Keep),
            bytes: std::str::from_utf8(bytes).is_err().then(|| bytes.to_vec()),
        }
    }

    /// It on one line: control characters by their signs, bytes by their numbers.
    pub(crate) fn label(&self) -> String {
        match &self.bytes {
            Some(bytes) => hex(bytes),
            None => self.token.chars().map(sign).collect(),
        }
    }
}

/// What the library says of tokens, with the text of each: an object with an `id` gets a field `token`, and `bytes` where
/// these are no whole characters.
pub(crate) fn with_pieces<T: Serialize>(
    told: &T,
    tokenizer: &Tokenizer,
) -> serde_json::Result<Value> {
    // By way of text: as values, numbers of f32 would get the digits of an f64.
    let mut json = serde_json::from_str(&serde_json::to_string(told)?)?;
    add_pieces(&mut json, tokenizer);
    Ok(json)
}

fn add_pieces(json: &mut Value, tokenizer: &Tokenizer) {
    match json {
        Value::Array(list) => list.iter_mut().for_each(|one| add_pieces(one, tokenizer)),
        Value::Object(fields) => {
            fields
                .values_mut()
                .for_each(|field| add_pieces(field, tokenizer));
            let id = fields.get("id").and_then(Value::as_u64);
            if let Some(id) = id.and_then(|id| u32::try_from(id).ok()) {
                let Piece { token, bytes } = Piece::new(id, tokenizer);
                fields.insert("token".to_owned(), token.into());
                fields.extend(bytes.map(|bytes| ("bytes".to_owned(), bytes.into())));
            }
        }
        _ => {}
    }
}

/// Bytes as a person writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(" ")
}

/// What stands for a character that would not be seen, or would move a terminal's cursor.
pub(crate) fn sign(c: char) -> char {
    match c {
        '\n' => '⏎',
        '\t' => '⇥',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}
