//! The tokenizer of a GGUF file as the files of a folder: `tokenizer.json` and
//! `tokenizer_config.json`.

use super::piece_merges;
use super::tokenizer::GgufTokenizer;
use crate::CheckpointError;
use serde::ser::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::path::Path;

/// Limit of the bytes of all tokens and merges, several times those of the largest vocabularies.
const MAX_BYTES: usize = 32 << 20;

/// Values of `tokenizer.ggml.token_type`.
pub(super) const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
pub(super) const UNUSED: i32 = 5;

/// The pre-tokenizers that are supported, by the values of `tokenizer.ggml.pre`.
const PRE_TOKENIZERS: [(&str, PreTokenizer); 8] = [
    ("gpt-2", PreTokenizer::Gpt2),
    ("smollm", PreTokenizer::SmolLm),
    ("starcoder", PreTokenizer::SmolLm),
    ("refact", PreTokenizer::SmolLm),
    ("llama-bpe", PreTokenizer::Llama3),
    ("llama3", PreTokenizer::Llama3),
    ("llama-v3", PreTokenizer::Llama3),
    ("qwen2", PreTokenizer::Qwen2),
];

const LLAMA3_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The contents of the files of a folder that describe a tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenizerFiles {
    /// The content of `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// The content of `tokenizer_config.json`: the names of the special tokens and the chat
    /// template.
    pub config: Vec<u8>,
}

/// How a byte-level BPE splits a text before it merges.
#[derive(Clone, Copy)]
enum PreTokenizer {
    Gpt2,
    SmolLm,
    Llama3,
    Qwen2,
}

impl PreTokenizer {
    fn to_json(self) -> Json {
        let byte_level = |use_regex: bool| {
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": use_regex})
        };
        let sequence =
            |first: Json, then: Json| json!({"type": "Sequence", "pretokenizers": [first, then]});
        let split = |pattern: &str| {
            json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated",
                "invert": false})
        };
        match self {
            Self::Gpt2 => byte_level(true),
            Self::SmolLm => sequence(
                json!({"type": "Digits", "individual_digits": true}),
                byte_level(true),
            ),
            Self::Llama3 => sequence(split(LLAMA3_PATTERN), byte_level(false)),
            Self::Qwen2 => sequence(split(QWEN2_PATTERN), byte_level(false)),
        }
    }
}

impl GgufTokenizer {
    /// Returns the tokenizer as the files of a folder. `path`, the GGUF file, is named in errors.
    ///
    /// Supported are byte-level BPE (`gpt2`) with one of the pre-tokenizers of GPT-2, SmolLM,
    /// Llama 3 and Qwen2, and SentencePiece (`llama`). Tokens of the types control and unknown, and
    /// those at the beginning and the end of a text, become special added tokens; user-defined ones
    /// become added tokens that are not special. Unused and empty tokens are omitted. If the file
    /// does not say whether a prompt begins with the BOS token, it does for `llama` and for the
    /// pre-tokenizer of Llama 3, as in llama.cpp.
    ///
    /// The merges of SentencePiece are those of the file, or else follow from the scores by the
    /// rule of the transformers library, which requires that the scores determine their order.
    ///
    /// # Errors
    /// [`CheckpointError::UnsupportedTokenizer`] for other tokenizers, and for values that
    /// contradict each other. The merges are not checked against the tokens.
    pub fn to_files(&self, path: &Path) -> Result<TokenizerFiles, CheckpointError> {
        self.convert()
            .map_err(|found| CheckpointError::UnsupportedTokenizer {
                path: path.to_path_buf(),
                found,
            })
    }

    /// The error is the reason, as the rest of a sentence.
    fn convert(&self) -> Result<TokenizerFiles, String> {
        self.check()?;
        let file = match self.model.as_str() {
            "gpt2" => self.byte_level()?,
            "llama" => self.sentencepiece()?,
            other => {
                return Err(format!(
                    "tokenizer.ggml.model is {other:.40?}, expected gpt2 or llama"
                ));
            }
        };
        let written = |error: serde_json::Error| error.to_string();
        Ok(TokenizerFiles {
            tokenizer: serde_json::to_vec(&file).map_err(written)?,
            config: serde_json::to_vec_pretty(&self.config()).map_err(written)?,
        })
    }

    /// Checks sizes and that no token occurs twice.
    fn check(&self) -> Result<(), String> {
        let texts = self.tokens.iter().chain(&self.merges);
        let bytes: usize = texts.map(String::len).sum();
        if bytes > MAX_BYTES {
            return Err(format!(
                "its tokens and merges have {bytes} bytes, more than {MAX_BYTES}"
            ));
        }
        let n = self.tokens.len();
        let lens = [
            ("token_type", self.token_types.len()),
            ("scores", self.scores.len()),
        ];
        if let Some((name, len)) = lens.iter().find(|(_, len)| *len != 0 && *len != n) {
            return Err(format!(
                "tokenizer.ggml.{name} has {len} items for {n} tokens"
            ));
        }
        let mut known = HashSet::with_capacity(n);
        match self.used().find(|(_, token)| !known.insert(*token)) {
            Some((id, token)) => Err(format!(
                "its token {token:.80?} has the id {id} and another one"
            )),
            None => Ok(()),
        }
    }

    /// Returns ids and texts of the tokens except for unused and empty ones, in the order of ids.
    fn used(&self) -> impl Iterator<Item = (u32, &str)> {
        let tokens = (0..).zip(&self.tokens);
        let used =
            tokens.filter(|(id, token)| !token.is_empty() && self.token_type(*id) != Some(UNUSED));
        used.map(|(id, token)| (id, token.as_str()))
    }

    pub(super) fn token_type(&self, id: u32) -> Option<i32> {
        self.token_types.get(id as usize).copied()
    }

    fn text(&self, id: Option<u32>) -> Option<&str> {
        let text = self.tokens.get(id? as usize)?;
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    fn byte_level(&self) -> Result<TokenizerFile<'_>, String> {
        let names = PRE_TOKENIZERS.map(|(name, _)| name).join(", ");
        let Some(pre) = &self.pre else {
            return Err(format!(
                "it has no tokenizer.ggml.pre, expected one of {names}"
            ));
        };
        let known = PRE_TOKENIZERS.iter().find(|(name, _)| name == pre);
        let Some(&(_, pre)) = known else {
            return Err(format!(
                "tokenizer.ggml.pre is {pre:.40?}, expected one of {names}"
            ));
        };
        let is_llama3 = matches!(pre, PreTokenizer::Llama3);
        let merges = self.merges.iter().map(String::as_str);
        let model = Model {
            ignore_merges: is_llama3,
            ..self.model(merges.map(Merge::Joined).collect())
        };
        Ok(TokenizerFile {
            normalizer: match pre {
                PreTokenizer::Qwen2 => json!({"type": "NFC"}),
                _ => Json::Null,
            },
            pre_tokenizer: pre.to_json(),
            decoder: json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true}),
            ..self.file(model, is_llama3)?
        })
    }

    fn sentencepiece(&self) -> Result<TokenizerFile<'_>, String> {
        let merges = match self.merges.is_empty() {
            false => self.merges.iter().map(|pair| Merge::Joined(pair)).collect(),
            true => piece_merges::from_scores(self)?
                .into_iter()
                .map(|(left, right)| Merge::Pair(left, right))
                .collect(),
        };
        let unknown = (0..).zip(&self.tokens);
        let unknown = unknown
            .map(|(id, _)| id)
            .find(|id| self.token_type(*id) == Some(UNKNOWN));
        let model = Model {
            unk_token: self.text(self.unknown_token_id.or(unknown)),
            fuse_unk: true,
            byte_fallback: true,
            ..self.model(merges)
        };
        let prefix = self.add_space_prefix.unwrap_or(true);
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        let restore = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
        let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
        let with_prefix = |part: Json| Some(part).filter(|_| prefix);
        let normalizers: Vec<Json> = with_prefix(prepend).into_iter().chain([replace]).collect();
        let decoders = [
            restore,
            json!({"type": "ByteFallback"}),
            json!({"type": "Fuse"}),
        ];
        let decoders: Vec<Json> = decoders.into_iter().chain(with_prefix(strip)).collect();
        Ok(TokenizerFile {
            normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
            decoder: json!({"type": "Sequence", "decoders": decoders}),
            ..self.file(model, true)?
        })
    }

    fn model<'a>(&'a self, merges: Vec<Merge<'a>>) -> Model<'a> {
        Model {
            kind: "BPE",
            dropout: None,
            unk_token: None,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            fuse_unk: false,
            byte_fallback: false,
            ignore_merges: false,
            vocab: Vocab(self.used().collect()),
            merges,
        }
    }

    /// A file with this model, its added tokens and the BOS token, and no pipeline.
    fn file<'a>(
        &'a self,
        model: Model<'a>,
        adds_bos_by_default: bool,
    ) -> Result<TokenizerFile<'a>, String> {
        let adds_bos = self.add_bos_token.unwrap_or(adds_bos_by_default);
        let post_processor = match (adds_bos, self.text(self.bos_token_id)) {
            (false, _) => Json::Null,
            (true, Some(bos)) => {
                let id = self.bos_token_id;
                json!({
                    "type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": bos, "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}}],
                    "pair": [{"SpecialToken": {"id": bos, "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 0}}],
                    "special_tokens": {bos: {"id": bos, "ids": [id], "tokens": [bos]}},
                })
            }
            (true, None) => {
                let id = self.bos_token_id;
                let id = id.map_or_else(|| "missing".to_owned(), |id| id.to_string());
                return Err(format!(
                    "a prompt begins with the BOS token, but tokenizer.ggml.bos_token_id is {id}"
                ));
            }
        };
        Ok(TokenizerFile {
            version: "1.0",
            truncation: None,
            padding: None,
            added_tokens: self.added_tokens(),
            normalizer: Json::Null,
            pre_tokenizer: Json::Null,
            post_processor,
            decoder: Json::Null,
            model,
        })
    }

    fn added_tokens(&self) -> Vec<Json> {
        let ends = [self.bos_token_id, self.eos_token_id, self.eot_token_id];
        let added = |(id, token): (u32, &str)| {
            let special = match self.token_type(id) {
                Some(CONTROL | UNKNOWN) => true,
                _ if ends.contains(&Some(id)) => true,
                Some(USER_DEFINED) => false,
                _ => return None,
            };
            Some(
                json!({"id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": special}),
            )
        };
        self.used().filter_map(added).collect()
    }

    /// Creates the content of the `tokenizer_config.json`.
    fn config(&self) -> Json {
        let mut config = json!({
            "clean_up_tokenization_spaces": false,
            "tokenizer_class": "PreTrainedTokenizerFast",
        });
        let fields = [
            ("bos_token", self.text(self.bos_token_id)),
            ("eos_token", self.text(self.eos_token_id)),
            ("unk_token", self.text(self.unknown_token_id)),
            ("pad_token", self.text(self.padding_token_id)),
            ("chat_template", self.chat_template.as_deref()),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                config[field] = text.into();
            }
        }
        config
    }
}

/// A `tokenizer.json`.
#[derive(serde::Serialize)]
struct TokenizerFile<'a> {
    version: &'static str,
    truncation: Option<()>,
    padding: Option<()>,
    added_tokens: Vec<Json>,
    normalizer: Json,
    pre_tokenizer: Json,
    post_processor: Json,
    decoder: Json,
    model: Model<'a>,
}

#[derive(serde::Serialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dropout: Option<f32>,
    unk_token: Option<&'a str>,
    continuing_subword_prefix: Option<&'a str>,
    end_of_word_suffix: Option<&'a str>,
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: Vocab<'a>,
    merges: Vec<Merge<'a>>,
}

/// Two tokens that are merged.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Merge<'a> {
    /// Separated by a space.
    Joined(&'a str),
    Pair(&'a str, &'a str),
}

/// Ids and texts, written as an object in the order of ids.
struct Vocab<'a>(Vec<(u32, &'a str)>);

impl Serialize for Vocab<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, token)| (token, id)))
    }
}
