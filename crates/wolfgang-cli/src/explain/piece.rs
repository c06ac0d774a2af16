//! What a token says.

use serde::Serialize;
use wolfgang_generate::{SpecialTokens, Tokenizer};

/// A token by its id and by what it stands for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Piece {
    pub(crate) id: u32,
    /// What of it is text.
    pub(crate) token: String,
    /// Its bytes, if they are no whole characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Piece {
    pub(crate) fn new(id: u32, tokenizer: &Tokenizer) -> Self {
        let bytes = tokenizer.token_bytes(id).unwrap_or_default();
        Self {
            id,
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
