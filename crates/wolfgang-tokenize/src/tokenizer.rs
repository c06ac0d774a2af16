//! The tokenizer: encoding and decoding with a `tokenizer.json`.

use crate::chat_template::ChatTemplate;
use crate::pipeline::{Alphabet, PrefixSpace};
use crate::token_bytes::TokenBytes;
use crate::{DecodeStream, TokenizerError, sentencepiece};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The control token that ends a document or a chat message.
pub(crate) const END_OF_TEXT: &str = "<|endoftext|>";

/// How decoding treats control tokens such as `<|endoftext|>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecialTokens {
    /// Omits them, as `skip_special_tokens=True` in Hugging Face tokenizers.
    #[default]
    Skip,
    /// Includes them as text.
    Keep,
}

/// A BPE tokenizer, byte-level or of the form of SentencePiece.
///
/// `Clone` is cheap: clones share the vocabulary.
#[derive(Clone)]
pub struct Tokenizer {
    pub(crate) inner: Arc<Inner>,
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
    pub(crate) chat_template: Option<Arc<ChatTemplate>>,
}

pub(crate) struct Inner {
    /// Encodes control tokens in a text as plain characters.
    pub(crate) plain: tokenizers::Tokenizer,
    /// Encodes control tokens in a text as such. Created on first use, because it is rarely needed.
    pub(crate) with_special_tokens: OnceLock<tokenizers::Tokenizer>,
    pub(crate) bytes: TokenBytes,
    /// The added tokens, which only [`Tokenizer::encode_with_special`] recognises in a text.
    pub(crate) control: HashMap<String, u32>,
    /// Of each id, whether decoding can skip it.
    pub(crate) is_special: Vec<bool>,
    /// Of each id, whether it is a byte token of SentencePiece.
    pub(crate) is_byte: Vec<bool>,
    pub(crate) alphabet: Alphabet,
    pub(crate) prefix_space: PrefixSpace,
    /// Whether the vocabulary has a token for every byte.
    pub(crate) has_every_byte: bool,
    /// The id that encoding uses for bytes without a token.
    pub(crate) unknown: Option<u32>,
}

impl Tokenizer {
    /// Returns the size of the vocabulary: the largest id plus one.
    pub fn vocab_size(&self) -> usize {
        self.inner.bytes.len()
    }

    /// Returns the bytes of texts in UTF-8 that no token has alone, in ascending order. Characters
    /// with such a byte can only be written as part of a longer token, if at all.
    pub fn missing_bytes(&self) -> Vec<u8> {
        let mut has_token = [false; 256];
        for id in 0..u32::try_from(self.vocab_size()).unwrap_or(u32::MAX) {
            if let Some(&[byte]) = self.token_bytes(id).filter(|_| !self.is_special(id)) {
                has_token[usize::from(byte)] = true;
            }
        }
        let in_utf8 = (0..=0xf4).filter(|byte| !matches!(byte, 0xc0 | 0xc1));
        in_utf8
            .filter(|byte| !has_token[usize::from(*byte)])
            .collect()
    }

    /// Encodes `text` as token ids. The result never contains a control token, whatever the text
    /// contains, and no id before or after the text.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(&self.inner.plain, text)
    }

    /// Encodes `text` as [`encode`](Self::encode) does, after the [`bos_id`](Self::bos_id) if there
    /// is one: the ids from which a model continues the text.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut ids: Vec<u32> = self.bos.into_iter().collect();
        ids.extend(self.encode(text)?);
        Ok(ids)
    }

    /// Encodes `text` as token ids, with control tokens in the text (`<|user|>`) encoded as such.
    ///
    /// Use it for trusted text only: the author of the text controls the control tokens.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode_with_special(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let tokenizer = self.inner.with_special_tokens.get_or_init(|| {
            let mut tokenizer = self.inner.plain.clone();
            tokenizer.set_encode_special_tokens(false);
            tokenizer
        });
        encode(tokenizer, text)
    }

    /// Returns the offsets of the bytes of `text` that the vocabulary cannot represent, in
    /// ascending order.
    ///
    /// A byte-level BPE should have a token for every byte. The training script of the original
    /// includes only the bytes of the training text; encoding drops all others silently. A
    /// vocabulary of SentencePiece cannot represent `▁`, which becomes a space. Changes by Unicode
    /// normalization are not reported.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn unencodable_offsets(&self, text: &str) -> Result<Vec<usize>, TokenizerError> {
        if self.inner.alphabet == Alphabet::SentencePiece {
            let loses_first = self.inner.prefix_space == PrefixSpace::IfMissing;
            return Ok(sentencepiece::lost_offsets(text, loses_first));
        }
        if self.inner.has_every_byte {
            return Ok(Vec::new());
        }
        let ids = self.encode(text)?;
        let known = ids.iter().filter(|id| self.inner.unknown != Some(**id));
        let tokens = known.filter_map(|&id| self.token_bytes(id));
        let kept: Vec<u8> = tokens.flatten().copied().collect();
        let (missing, matched) = unmatched_bytes(text, &kept);
        // Encoding omits bytes but never changes them. If some do not match, encoding added a
        // space.
        let added_space = self.adds_prefix_space() && matched < kept.len();
        Ok(match kept.strip_prefix(b" ").filter(|_| added_space) {
            Some(kept) => unmatched_bytes(text, kept).0,
            None => missing,
        })
    }

    /// Returns whether the vocabulary can represent all bytes of `text`.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn can_encode(&self, text: &str) -> Result<bool, TokenizerError> {
        Ok(self.unencodable_offsets(text)?.is_empty())
    }

    /// Decodes `ids` to text. Invalid UTF-8 becomes U+FFFD; ids outside the vocabulary have no
    /// text. The text is that of the `tokenizers` library; with a vocabulary of SentencePiece, it
    /// lacks the space that encoding adds before a text.
    pub fn decode(&self, ids: &[u32], special: SpecialTokens) -> String {
        let mut stream = self.decode_stream(special);
        let mut text = String::new();
        for &id in ids {
            text.push_str(stream.push(id));
        }
        text + &stream.finish()
    }

    /// Creates a streaming decoder. It shares the vocabulary and does not borrow the tokenizer.
    pub fn decode_stream(&self, special: SpecialTokens) -> DecodeStream {
        DecodeStream::new(self.clone(), special, true)
    }

    /// Creates a streaming decoder for the ids after `prompt`, without the text of `prompt`.
    ///
    /// It differs from [`decode_stream`](Self::decode_stream) only with a vocabulary of
    /// SentencePiece: a first space is part of the text, unless `prompt` has no text.
    pub fn decode_stream_after(&self, prompt: &[u32], special: SpecialTokens) -> DecodeStream {
        let is_start = self.is_without_text(prompt, special);
        DecodeStream::new(self.clone(), special, is_start)
    }

    pub(crate) fn is_without_text(&self, ids: &[u32], special: SpecialTokens) -> bool {
        let mut bytes = ids.iter().filter_map(|&id| self.visible_bytes(id, special));
        bytes.all(<[u8]>::is_empty)
    }

    /// Returns the bytes that `id` represents, or `None` for an id outside the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.inner.bytes.get(id)
    }

    /// Returns the text of a single id, with U+FFFD for bytes that are not complete characters. A
    /// space at its beginning is part of it.
    pub fn token_text(&self, id: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.token_bytes(id).unwrap_or_default())
    }

    /// Returns the id of a control token such as `<|endoftext|>`, if the vocabulary has it. Control
    /// tokens are all added tokens of the file, special or not.
    pub fn special_id(&self, token: &str) -> Option<u32> {
        self.inner.control.get(token).copied()
    }

    /// Returns the text and the id of every control token, in no particular order.
    /// [`encode`](Self::encode) returns none of these ids.
    pub fn control_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let tokens = self.inner.control.iter();
        tokens.map(|(text, &id)| (text.as_str(), id))
    }

    /// Returns whether `id` is a control token that decoding omits with [`SpecialTokens::Skip`]. A
    /// file can contain others, for example the `<think>` of Qwen3.
    pub fn is_special(&self, id: u32) -> bool {
        self.inner
            .is_special
            .get(id as usize)
            .copied()
            .unwrap_or(false)
    }

    /// Returns the id of `<|endoftext|>`, which ends a document, if the vocabulary has it.
    pub fn end_of_text(&self) -> Option<u32> {
        self.special_id(END_OF_TEXT)
    }

    /// Returns the id with which the model expects a text to begin (BOS), if there is one:
    /// `bos_token` if `tokenizer_config.json` has `add_bos_token: true`, none if it has `false`,
    /// else the one of the post-processor.
    pub fn bos_id(&self) -> Option<u32> {
        self.bos
    }

    /// Returns the id of the `eos_token` in `tokenizer_config.json`, which ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.eos
    }

    /// Returns the id of a token by its text, such as `<|endoftext|>` or ` Wald`; `None` if the
    /// text is not one token.
    pub fn token_id(&self, text: &str) -> Option<u32> {
        self.special_id(text)
            .or_else(|| match self.encode(text).as_deref() {
                Ok([id]) if self.token_bytes(*id) == Some(text.as_bytes()) => Some(*id),
                // Encoding adds a space to a text that does not begin with one.
                Ok(_) if self.adds_prefix_space() => self.id_of_bytes(text.as_bytes()),
                _ => None,
            })
    }

    fn id_of_bytes(&self, bytes: &[u8]) -> Option<u32> {
        let ids = 0..u32::try_from(self.vocab_size()).ok()?;
        let found = |id: &u32| {
            !bytes.is_empty() && !self.is_special(*id) && self.token_bytes(*id) == Some(bytes)
        };
        // Encoding prefers a token with this text to a byte token.
        let mut text = ids.clone().filter(|&id| !self.is_byte_token(id));
        text.find(found).or_else(|| ids.clone().find(found))
    }

    fn adds_prefix_space(&self) -> bool {
        self.inner.prefix_space != PrefixSpace::Never
    }

    pub(crate) fn alphabet(&self) -> Alphabet {
        self.inner.alphabet
    }

    /// Whether decoding drops the first character of a text if it is a space.
    pub(crate) fn drops_first_space(&self) -> bool {
        self.alphabet() == Alphabet::SentencePiece && self.adds_prefix_space()
    }

    /// Whether `id` is a byte token of SentencePiece.
    pub(crate) fn is_byte_token(&self, id: u32) -> bool {
        let is_byte = self.inner.is_byte.get(id as usize);
        is_byte.copied().unwrap_or(false)
    }

    /// The bytes of `id` in decoded text; `None` for control tokens that are skipped.
    pub(crate) fn visible_bytes(&self, id: u32, special: SpecialTokens) -> Option<&[u8]> {
        let hidden = special == SpecialTokens::Skip && self.is_special(id);
        self.token_bytes(id).filter(|_| !hidden)
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .finish_non_exhaustive()
    }
}

/// Returns the offsets of the bytes of `text` that are missing in `kept`, and the number of bytes
/// of `kept` that were matched, both read in order.
fn unmatched_bytes(text: &str, kept: &[u8]) -> (Vec<usize>, usize) {
    let mut matched = 0;
    let mut missing = Vec::new();
    for (offset, byte) in text.bytes().enumerate() {
        if kept.get(matched) == Some(&byte) {
            matched += 1;
        } else {
            missing.push(offset);
        }
    }
    (missing, matched)
}

fn encode(tokenizer: &tokenizers::Tokenizer, text: &str) -> Result<Vec<u32>, TokenizerError> {
    match tokenizer.encode_fast(text, false) {
        Ok(encoding) => Ok(encoding.get_ids().to_vec()),
        Err(source) => Err(TokenizerError::Encode { source }),
    }
}
