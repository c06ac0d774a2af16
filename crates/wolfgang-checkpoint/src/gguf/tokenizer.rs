//! The tokenizer in the metadata of a GGUF file.

use super::header::{Header, is_gguf};
use super::metadata::Metadata;
use crate::CheckpointError;
use crate::mapped::Mapped;
use std::path::Path;

/// The tokenizer that a GGUF file contains: the values of its keys `tokenizer.*`, not validated
/// against each other.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GgufTokenizer {
    /// The algorithm, `tokenizer.ggml.model`: `gpt2` for byte-level BPE, `llama` for SentencePiece.
    pub model: String,
    /// The pre-tokenizer, `tokenizer.ggml.pre`, for example `smollm`, `llama-bpe` or `qwen2`.
    pub pre: Option<String>,
    /// The text of each token, by id. Byte-level BPE has one character for each byte.
    pub tokens: Vec<String>,
    /// The type of each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    /// Empty if the file has none.
    pub token_types: Vec<i32>,
    /// The score of each token, for SentencePiece. Empty if the file has none.
    pub scores: Vec<f32>,
    /// Pairs of tokens to merge, separated by a space, the highest priority first. Empty if the
    /// file has none.
    pub merges: Vec<String>,
    /// The token at the beginning of a text.
    pub bos_token_id: Option<u32>,
    /// The token at the end of a text.
    pub eos_token_id: Option<u32>,
    /// The token at the end of a turn, if it differs from that at the end of a text.
    pub eot_token_id: Option<u32>,
    /// The token for text that no other token represents.
    pub unknown_token_id: Option<u32>,
    /// The token for padding.
    pub padding_token_id: Option<u32>,
    /// Whether a prompt begins with [`bos_token_id`](Self::bos_token_id). `None`: the file does not
    /// say.
    pub add_bos_token: Option<bool>,
    /// Whether a space is inserted before a text. `None`: the file does not say.
    pub add_space_prefix: Option<bool>,
    /// The chat template, a Jinja template.
    pub chat_template: Option<String>,
}

impl GgufTokenizer {
    /// Reads the tokenizer of the GGUF file at `path`. The model in the file is not read and need
    /// not be supported. `None` if it is not a GGUF file, or one without a tokenizer.
    ///
    /// # Errors
    /// [`CheckpointError::Read`], [`CheckpointError::Damaged`], [`CheckpointError::Unsupported`] and
    /// [`CheckpointError::UnsupportedFormat`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Option<Self>, CheckpointError> {
        let path = path.as_ref();
        if !path.is_file() {
            return Ok(None);
        }
        let map = Mapped::open(path).map_err(|source| CheckpointError::read(path, source))?;
        let file = map.bytes();
        if !is_gguf(&file) {
            return Ok(None);
        }
        read(&Header::read(path, &file)?.metadata)
    }
}

/// Reads the tokenizer. `None` if the file has no tokens.
pub(super) fn read(metadata: &Metadata<'_>) -> Result<Option<GgufTokenizer>, CheckpointError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let Some(model) = metadata.string(&key("model"))? else {
        return Ok(None);
    };
    let tokens = metadata.strings(&key("tokens"))?;
    if tokens.is_empty() {
        return Ok(None);
    }
    Ok(Some(GgufTokenizer {
        model: model.to_owned(),
        pre: metadata.string(&key("pre"))?.map(str::to_owned),
        tokens,
        token_types: metadata.integers(&key("token_type"))?,
        scores: metadata.floats(&key("scores"))?,
        merges: metadata.strings(&key("merges"))?,
        bos_token_id: metadata.id(&key("bos_token_id"))?,
        eos_token_id: metadata.id(&key("eos_token_id"))?,
        eot_token_id: metadata.id(&key("eot_token_id"))?,
        unknown_token_id: metadata.id(&key("unknown_token_id"))?,
        padding_token_id: metadata.id(&key("padding_token_id"))?,
        add_bos_token: metadata.bool(&key("add_bos_token"))?,
        add_space_prefix: metadata.bool(&key("add_space_prefix"))?,
        chat_template: metadata
            .string("tokenizer.chat_template")?
            .map(str::to_owned),
    }))
}
