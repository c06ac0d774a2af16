//! The tokenizer: encoding and decoding with a `tokenizer.json`.

use crate::chat_template::ChatTemplate;
use crate::{DecodeStream, TokenizerError, byte_level::TokenBytes, validate};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokenizers::PostProcessorWrapper;

/// The control token that ends a document or a chat message.
pub(crate) const END_OF_TEXT: &str = "<|endoftext|>";

/// The byte order mark, which some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The beginning of a git-lfs pointer, which stands in for a file that was not downloaded.
const GIT_LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

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

/// A byte-level BPE tokenizer.
///
/// `Clone` is cheap: clones share the vocabulary.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
    pub(crate) chat_template: Option<Arc<ChatTemplate>>,
}

struct Inner {
    /// Encodes control tokens in a text as plain characters.
    plain: tokenizers::Tokenizer,
    /// Encodes control tokens in a text as such. Created on first use, because it is rarely needed.
    with_special_tokens: OnceLock<tokenizers::Tokenizer>,
    bytes: TokenBytes,
    special: HashMap<String, u32>,
    is_special: Vec<bool>,
    /// Whether encoding inserts a space before a text that does not begin with one.
    adds_prefix_space: bool,
    /// The id that encoding uses for bytes without a token.
    unknown: Option<u32>,
}

impl Tokenizer {
    /// Loads a tokenizer from a `tokenizer.json` file.
    ///
    /// # Errors
    /// [`TokenizerError::Read`], and those of [`from_bytes`](Self::from_bytes).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let path = path.as_ref();
        let read = |source| TokenizerError::Read {
            path: path.to_path_buf(),
            source,
        };
        // Devices and pipes may never end.
        if !std::fs::metadata(path).map_err(read)?.is_file() {
            return Err(read(std::io::Error::other("it is not a regular file")));
        }
        /// Maximum size in bytes, several times that of the largest vocabularies.
        const MAX: u64 = 64 << 20;
        let mut json = Vec::new();
        let file = File::open(path).map_err(read)?;
        file.take(MAX + 1).read_to_end(&mut json).map_err(read)?;
        if json.len() as u64 > MAX {
            let found = format!("it has more than {MAX} bytes");
            return Err(TokenizerError::Unsupported {
                origin: path.display().to_string(),
                found,
            });
        }
        Self::parse(&json, &path.display().to_string())
    }

    /// Loads a tokenizer from the contents of a `tokenizer.json`.
    ///
    /// A byte order mark before the JSON is ignored. Truncation, padding and templates in the file
    /// are disabled: text is encoded without additions.
    ///
    /// # Errors
    /// [`TokenizerError::Parse`], [`TokenizerError::GitLfsPointer`], and
    /// [`TokenizerError::Unsupported`] for anything other than a byte-level BPE.
    pub fn from_bytes(json: &[u8]) -> Result<Self, TokenizerError> {
        Self::parse(json, "tokenizer.json")
    }

    /// `origin` is named in errors.
    fn parse(json: &[u8], origin: &str) -> Result<Self, TokenizerError> {
        let parse = |source| TokenizerError::Parse {
            origin: origin.to_owned(),
            source,
        };
        if json.starts_with(GIT_LFS_POINTER) {
            return Err(TokenizerError::GitLfsPointer {
                origin: origin.to_owned(),
            });
        }
        // The byte order mark of UTF-16, or an ASCII character in it.
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] = json {
            return Err(parse(
                "it is UTF-16 text, but it must be UTF-8; save it as UTF-8 or convert it with iconv -f UTF-16 -t UTF-8"
                    .into(),
            ));
        }
        let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
        let value = serde_json::from_slice(json).map_err(|e| parse(e.into()))?;
        let traits = validate::check(&value).map_err(|found| TokenizerError::Unsupported {
            origin: origin.to_owned(),
            found,
        })?;
        // The library parses the checked value, because it resolves duplicate keys differently.
        let checked = serde_json::to_vec(&value).map_err(|e| parse(e.into()))?;
        let mut plain = tokenizers::Tokenizer::from_bytes(checked).map_err(parse)?;
        plain.with_truncation(None).map_err(parse)?;
        plain.with_padding(None);
        plain.with_post_processor(None::<PostProcessorWrapper>);
        plain.set_encode_special_tokens(true);
        // The library's cache of earlier texts is per thread and never freed.
        let mut model = plain.get_model().clone();
        model.resize_cache(0);
        plain.with_model(model);

        let vocab = plain.get_vocab(true);
        let size = vocab.values().max().map_or(0, |&id| id as usize + 1);
        // Ids should be dense: a single id in the billions must not allocate that much memory.
        if size > 2 * vocab.len() + 1024 {
            return Err(TokenizerError::Unsupported {
                origin: origin.to_owned(),
                found: format!("its {} tokens have ids up to {}", vocab.len(), size - 1),
            });
        }
        let mut tokens: Vec<Option<String>> = vec![None; size];
        for (token, id) in vocab {
            let Some(other) = tokens[id as usize].replace(token) else {
                continue;
            };
            return Err(TokenizerError::Unsupported {
                origin: origin.to_owned(),
                found: format!("its id {id} is assigned to {other:.80?} and to another token"),
            });
        }
        let mut special = HashMap::new();
        let mut is_special = vec![false; size];
        for (id, token) in plain.get_added_tokens_decoder() {
            if let (true, Some(flag)) = (token.special, is_special.get_mut(id as usize)) {
                *flag = true;
                special.insert(token.content, id);
            }
        }
        let unknown = traits.unknown.and_then(|token| plain.token_to_id(&token));
        let bytes = TokenBytes::new(tokens.into_iter());
        let inner = Inner {
            plain,
            with_special_tokens: OnceLock::new(),
            bytes,
            special,
            is_special,
            adds_prefix_space: traits.adds_prefix_space,
            unknown,
        };
        Ok(Self {
            inner: Arc::new(inner),
            chat_template: None,
        })
    }

    /// Returns the size of the vocabulary: the largest id plus one.
    pub fn vocab_size(&self) -> usize {
        self.inner.bytes.len()
    }

    /// Encodes `text` as token ids. The result never contains a control token, whatever the text
    /// contains.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(&self.inner.plain, text)
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
    /// includes only the bytes of the training text; encoding drops all others silently.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`].
    pub fn unencodable_offsets(&self, text: &str) -> Result<Vec<usize>, TokenizerError> {
        let ids = self.encode(text)?;
        let known = ids.iter().filter(|id| self.inner.unknown != Some(**id));
        let tokens = known.filter_map(|&id| self.token_bytes(id));
        let kept: Vec<u8> = tokens.flatten().copied().collect();
        let (missing, matched) = missing_bytes(text, &kept);
        // Encoding omits bytes but never changes them. If some do not match, encoding added a
        // space.
        let added_space = self.inner.adds_prefix_space && matched < kept.len();
        Ok(match kept.strip_prefix(b" ").filter(|_| added_space) {
            Some(kept) => missing_bytes(text, kept).0,
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
    /// text.
    pub fn decode(&self, ids: &[u32], special: SpecialTokens) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .filter_map(|&id| self.visible_bytes(id, special))
            .flatten()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Creates a streaming decoder. It shares the vocabulary and does not borrow the tokenizer.
    pub fn decode_stream(&self, special: SpecialTokens) -> DecodeStream {
        DecodeStream::new(self.clone(), special)
    }

    /// Returns the bytes that `id` represents, or `None` for an id outside the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.inner.bytes.get(id)
    }

    /// Returns the id of a control token such as `<|endoftext|>`, if the vocabulary has it.
    pub fn special_id(&self, token: &str) -> Option<u32> {
        self.inner.special.get(token).copied()
    }

    /// Returns whether `id` is a control token.
    pub fn is_special(&self, id: u32) -> bool {
        self.inner
            .is_special
            .get(id as usize)
            .copied()
            .unwrap_or(false)
    }

    /// Returns the added tokens that are not only whitespace, special or not.
    pub(crate) fn control_tokens(&self) -> impl Iterator<Item = (String, u32)> {
        let added = self.inner.plain.get_added_tokens_decoder();
        let tokens = added.into_iter().map(|(id, token)| (token.content, id));
        tokens.filter(|(text, _)| !text.trim().is_empty())
    }

    /// Returns the id of `<|endoftext|>`, which ends a document, if the vocabulary has it.
    pub fn end_of_text(&self) -> Option<u32> {
        self.special_id(END_OF_TEXT)
    }

    /// Returns the id of a token by its text, such as `<|endoftext|>` or ` Wald`; `None` if the
    /// text is not one token.
    pub fn token_id(&self, text: &str) -> Option<u32> {
        self.special_id(text)
            .or_else(|| match self.encode(text).as_deref() {
                Ok([id]) if self.token_bytes(*id) == Some(text.as_bytes()) => Some(*id),
                // Encoding adds a space to a text that does not begin with one.
                Ok(_) if self.inner.adds_prefix_space => self.id_of_bytes(text.as_bytes()),
                _ => None,
            })
    }

    fn id_of_bytes(&self, bytes: &[u8]) -> Option<u32> {
        let ids = 0..u32::try_from(self.vocab_size()).ok()?;
        let mut ids = ids.filter(|&id| !bytes.is_empty() && !self.is_special(id));
        ids.find(|&id| self.token_bytes(id) == Some(bytes))
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
fn missing_bytes(text: &str, kept: &[u8]) -> (Vec<usize>, usize) {
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
