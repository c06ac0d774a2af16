//! Streaming decoder.

use crate::{SpecialTokens, Tokenizer, pipeline::Alphabet};

/// Streaming decoder that returns only complete UTF-8 characters.
///
/// The pieces from [`push`](Self::push) and [`finish`](Self::finish) joined are exactly the result
/// of [`Tokenizer::decode`] on all ids, with U+FFFD for invalid UTF-8 in the same places.
///
/// With a byte-level vocabulary, at most one incomplete character (three bytes) is buffered. With a
/// vocabulary of SentencePiece, consecutive byte tokens (`<0x41>`) are buffered: the `tokenizers`
/// library decodes them as a whole, and each to U+FFFD if they are not UTF-8 together.
///
/// Decoding each id separately would break characters that span two tokens; decoding the whole
/// sequence for each id would take quadratic time.
#[must_use = "a decode stream returns text only when ids are pushed"]
pub struct DecodeStream {
    tokenizer: Tokenizer,
    special: SpecialTokens,
    /// Bytes of an incomplete character, or of consecutive byte tokens.
    pending: Vec<u8>,
    /// Whether the next character is dropped if it is a space.
    drops_space: bool,
    /// The latest piece.
    piece: String,
}

impl DecodeStream {
    /// `is_start`: whether the text begins here.
    pub(crate) fn new(tokenizer: Tokenizer, special: SpecialTokens, is_start: bool) -> Self {
        Self {
            drops_space: is_start && tokenizer.drops_first_space(),
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
        let Some(bytes) = self.tokenizer.visible_bytes(id, self.special) else {
            return &self.piece;
        };
        match self.tokenizer.alphabet() {
            Alphabet::ByteLevel => {
                self.pending.extend_from_slice(bytes);
                self.take_complete();
            }
            Alphabet::SentencePiece if bytes.is_empty() => {}
            Alphabet::SentencePiece if self.tokenizer.is_byte_token(id) => {
                self.pending.extend_from_slice(bytes);
            }
            Alphabet::SentencePiece => {
                push_byte_tokens(&mut self.piece, &mut self.pending);
                self.piece.push_str(&String::from_utf8_lossy(bytes));
                self.drop_first_space();
            }
        }
        &self.piece
    }

    /// Returns the rest: the text of buffered bytes, with U+FFFD if they are not complete
    /// characters.
    pub fn finish(self) -> String {
        let mut stream = self;
        stream.piece.clear();
        match stream.tokenizer.alphabet() {
            Alphabet::ByteLevel => String::from_utf8_lossy(&stream.pending).into_owned(),
            Alphabet::SentencePiece => {
                push_byte_tokens(&mut stream.piece, &mut stream.pending);
                stream.drop_first_space();
                stream.piece
            }
        }
    }

    fn drop_first_space(&mut self) {
        if self.drops_space && !self.piece.is_empty() {
            self.drops_space = false;
            if self.piece.starts_with(' ') {
                self.piece.remove(0);
            }
        }
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

/// Moves the bytes of consecutive byte tokens from `pending` to `piece`.
fn push_byte_tokens(piece: &mut String, pending: &mut Vec<u8>) {
    match std::str::from_utf8(pending) {
        Ok(text) => piece.push_str(text),
        Err(_) => piece.extend(pending.iter().map(|_| char::REPLACEMENT_CHARACTER)),
    }
    pending.clear();
}

impl std::fmt::Debug for DecodeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodeStream")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
