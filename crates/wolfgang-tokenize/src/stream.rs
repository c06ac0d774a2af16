//! Streaming decoder.

use crate::{SpecialTokens, Tokenizer};

/// Streaming decoder that returns only complete UTF-8 characters.
///
/// The pieces from [`push`](Self::push) and [`finish`](Self::finish) joined are exactly the result
/// of [`Tokenizer::decode`] on all ids, with U+FFFD for invalid UTF-8 in the same places. At most
/// one incomplete character (three bytes) is buffered.
///
/// Decoding each id separately would break characters that span two tokens; decoding the whole
/// sequence for each id would take quadratic time.
#[must_use = "a decode stream returns text only when ids are pushed"]
pub struct DecodeStream {
    tokenizer: Tokenizer,
    special: SpecialTokens,
    /// Bytes of an incomplete character.
    pending: Vec<u8>,
    /// The latest piece.
    piece: String,
}

impl DecodeStream {
    pub(crate) fn new(tokenizer: Tokenizer, special: SpecialTokens) -> Self {
        Self {
            tokenizer,
            special,
            pending: Vec::new(),
            piece: String::new(),
        }
    }

    /// Adds `id` and returns the text that is complete with it; empty while a character is
    /// incomplete.
    pub fn push(&mut self, id: u32) -> &str {
        self.piece.clear();
        if let Some(bytes) = self.tokenizer.visible_bytes(id, self.special) {
            self.pending.extend_from_slice(bytes);
            self.take_complete();
        }
        &self.piece
    }

    /// Returns the rest: U+FFFD for an incomplete character, otherwise an empty string.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }

    /// Moves the bytes that later bytes cannot change from `pending` to `piece`.
    fn take_complete(&mut self) {
        let mut taken = 0;
        for chunk in self.pending.utf8_chunks() {
            taken += chunk.valid().len();
            self.piece.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let at_end = taken + invalid.len() == self.pending.len();
            // At the end, an incomplete character is not an error yet.
            if at_end && std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none()) {
                break;
            }
            if !invalid.is_empty() {
                self.piece.push(char::REPLACEMENT_CHARACTER);
                taken += invalid.len();
            }
        }
        self.pending.drain(..taken);
    }
}

impl std::fmt::Debug for DecodeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodeStream")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
