//! Ids in, text out, character by character.

use crate::{SpecialTokens, Tokenizer};

/// Decodes ids as they come and never hands out half a character.
///
/// Joined, the pieces from [`push`](Self::push) and [`finish`](Self::finish) are exactly
/// [`Tokenizer::decode`] of all the ids: what is not UTF-8 becomes U+FFFD in the same places. At most an unfinished
/// character (three bytes) is held back.
///
/// The tempting alternative, decoding each id by itself, breaks every character that spans two tokens; decoding
/// the whole sequence again for each id does not, but costs more with every id.
#[must_use = "a decode stream returns text only when ids are pushed"]
pub struct DecodeStream {
    tokenizer: Tokenizer,
    special: SpecialTokens,
    /// Bytes that may still become a character.
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

    /// The text that `id` completes; empty while a character is unfinished.
    pub fn push(&mut self, id: u32) -> &str {
        self.piece.clear();
        if let Some(bytes) = self.tokenizer.visible_bytes(id, self.special) {
            self.pending.extend_from_slice(bytes);
            self.take_complete();
        }
        &self.piece
    }

    /// What was held back: U+FFFD for an unfinished character, else nothing.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }

    /// Moves everything from `pending` to `piece` that no later byte can change.
    fn take_complete(&mut self) {
        let mut taken = 0;
        for chunk in self.pending.utf8_chunks() {
            taken += chunk.valid().len();
            self.piece.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let at_end = taken + invalid.len() == self.pending.len();
            // An error at the very end may only be a character that has not come in full.
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
