//! Where the text of each id begins in decoded text.

use crate::{SpecialTokens, Tokenizer, pipeline::Alphabet};

/// Finds where the text of each id begins in the text of a [`DecodeStream`](crate::DecodeStream),
/// in characters.
///
/// An id begins at the character that contains its first byte: an id that continues a character has
/// the offset of this character. U+FFFD for invalid bytes is a character, and a first space that
/// decoding drops is none. An id without text has the offset of the text after it, or of the
/// incomplete character before it.
///
/// With a vocabulary of SentencePiece, the offsets of consecutive byte tokens (`<0x41>`) are known
/// when these end, because only then it is known whether they are UTF-8 together.
#[must_use = "offsets are returned only when ids are pushed"]
pub struct TextOffsets {
    tokenizer: Tokenizer,
    special: SpecialTokens,
    /// Number of characters before `pending`.
    characters: usize,
    /// Bytes of an incomplete character, or of consecutive byte tokens.
    pending: Vec<u8>,
    /// Where the ids with unknown offsets begin in `pending`.
    waiting: Vec<usize>,
    /// Whether the next character is dropped if it is a space.
    drops_space: bool,
    /// The offsets that the latest id made known.
    known: Vec<usize>,
}

impl Tokenizer {
    /// Creates a [`TextOffsets`] for the text of
    /// [`decode_stream_after`](Self::decode_stream_after) with the same arguments.
    pub fn text_offsets_after(&self, prompt: &[u32], special: SpecialTokens) -> TextOffsets {
        TextOffsets {
            drops_space: self.drops_first_space() && self.is_without_text(prompt, special),
            tokenizer: self.clone(),
            special,
            characters: 0,
            pending: Vec::new(),
            waiting: Vec::new(),
            known: Vec::new(),
        }
    }
}

impl TextOffsets {
    /// Adds `id` and returns the offsets that are known with it, of the oldest ids without one.
    pub fn push(&mut self, id: u32) -> &[usize] {
        self.known.clear();
        let tokenizer = self.tokenizer.clone();
        let bytes = tokenizer.visible_bytes(id, self.special);
        let bytes = bytes.unwrap_or_default();
        match tokenizer.alphabet() {
            Alphabet::ByteLevel => self.push_bytes(bytes),
            Alphabet::SentencePiece if bytes.is_empty() || tokenizer.is_byte_token(id) => {
                self.waiting.push(self.pending.len());
                self.pending.extend_from_slice(bytes);
                if self.pending.is_empty() {
                    self.end_byte_tokens("");
                }
            }
            Alphabet::SentencePiece => self.end_byte_tokens(&String::from_utf8_lossy(bytes)),
        }
        &self.known
    }

    /// Returns the offsets that were not known before the end.
    pub fn finish(self) -> Vec<usize> {
        let mut offsets = self;
        offsets.known.clear();
        offsets.end_byte_tokens("");
        offsets.known
    }

    /// Adds an id of a byte-level vocabulary.
    fn push_bytes(&mut self, bytes: &[u8]) {
        let begin = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let mut starts = Vec::new();
        let mut at = 0;
        let mut incomplete = None;
        for chunk in self.pending.utf8_chunks() {
            starts.extend(chunk.valid().char_indices().map(|(start, _)| at + start));
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                starts.push(at);
                let is_cut =
                    std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
                at += chunk.invalid().len();
                if is_cut && at == self.pending.len() {
                    incomplete = Some(at - chunk.invalid().len());
                }
            }
        }
        let before = starts.partition_point(|start| *start <= begin);
        self.known.push(self.characters + before.saturating_sub(1));
        self.characters += starts.len() - usize::from(incomplete.is_some());
        self.pending.drain(..incomplete.unwrap_or(at));
    }

    /// Ends consecutive byte tokens, which may be none, before an id with this text.
    fn end_byte_tokens(&mut self, text: &str) {
        let decoded = std::str::from_utf8(&self.pending);
        let starts: Vec<usize> = match decoded {
            Ok(text) => text.char_indices().map(|(start, _)| start).collect(),
            // Each byte is one U+FFFD.
            Err(_) => (0..self.pending.len()).collect(),
        };
        let first = decoded.map_or(Some(char::REPLACEMENT_CHARACTER), |decoded| {
            decoded.chars().chain(text.chars()).next()
        });
        let is_dropped = self.drops_space && first == Some(' ');
        self.drops_space &= first.is_none();
        let offset = |index: usize| self.characters + index.saturating_sub(is_dropped.into());
        let n = starts.len();
        for begin in self.waiting.drain(..) {
            let before = starts.partition_point(|start| *start <= begin);
            let is_after = begin == self.pending.len();
            let index = if is_after {
                n
            } else {
                before.saturating_sub(1)
            };
            self.known.push(offset(index));
        }
        if !text.is_empty() {
            self.known.push(offset(n));
        }
        let added = n + text.chars().count();
        self.characters += added - usize::from(is_dropped);
        self.pending.clear();
    }
}

impl std::fmt::Debug for TextOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextOffsets")
            .field("characters", &self.characters)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}
