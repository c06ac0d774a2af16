//! Loading a tokenizer from `tokenizer.json` and `tokenizer_config.json`.

use crate::additions::TokenizerConfig;
use crate::pipeline::Alphabet;
use crate::token_bytes::TokenBytes;
use crate::tokenizer::Inner;
use crate::{
    ChatTemplate, Tokenizer, TokenizerError, byte_level, limited_file, sentencepiece, validate,
};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokenizers::PostProcessorWrapper;

/// The byte order mark, which some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The beginning of a git-lfs pointer, which stands in for a file that was not downloaded.
const GIT_LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Maximum size of a file in bytes, several times that of the largest vocabularies.
const MAX: u64 = 64 << 20;

/// The file next to `tokenizer.json` that [`Tokenizer::from_file`] reads as well.
const CONFIG: &str = "tokenizer_config.json";

impl Tokenizer {
    /// Loads a tokenizer from a `tokenizer.json` file, and the `tokenizer_config.json` in its
    /// folder, if there is one, as [`with_config`](Self::with_config) does.
    ///
    /// # Errors
    /// [`TokenizerError::Read`], and those of [`from_bytes`](Self::from_bytes) and
    /// [`with_config`](Self::with_config).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokenizerError> {
        let path = path.as_ref();
        let tokenizer = Self::parse(&read(path)?, &path.display().to_string())?;
        let config = path.with_file_name(CONFIG);
        match read(&config) {
            Ok(json) => tokenizer.configured(&json, &config.display().to_string()),
            Err(TokenizerError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(tokenizer)
            }
            Err(error) => Err(error),
        }
    }

    /// Loads a tokenizer from the contents of a `tokenizer.json`.
    ///
    /// A byte order mark before the JSON is ignored. Truncation and padding in the file are
    /// disabled, and of its template only the id before a text is used, by
    /// [`encode_prompt`](Self::encode_prompt).
    ///
    /// # Errors
    /// [`TokenizerError::Parse`], [`TokenizerError::GitLfsPointer`], and
    /// [`TokenizerError::Unsupported`] for anything other than a BPE with a known pipeline.
    pub fn from_bytes(json: &[u8]) -> Result<Self, TokenizerError> {
        Self::parse(json, "tokenizer.json")
    }

    /// Applies the contents of a `tokenizer_config.json`: `add_bos_token` with `bos_token`
    /// ([`bos_id`](Self::bos_id)) and `eos_token` ([`eos_id`](Self::eos_id)). Other fields, and
    /// tokens that the vocabulary lacks, are ignored.
    ///
    /// # Errors
    /// [`TokenizerError::ParseConfig`] and [`TokenizerError::GitLfsPointer`].
    pub fn with_config(self, json: &[u8]) -> Result<Self, TokenizerError> {
        self.configured(json, CONFIG)
    }

    /// Loads a tokenizer from the contents of a `tokenizer.json` and a `tokenizer_config.json`,
    /// which are applied as by [`with_config`](Self::with_config) and whose chat template is used.
    /// `origin` is named in errors.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Self::from_bytes) and [`with_config`](Self::with_config). A template
    /// that is not valid is reported when it is used.
    pub fn from_memory(
        tokenizer: &[u8],
        config: &[u8],
        origin: &str,
    ) -> Result<Self, TokenizerError> {
        let tokenizer = Self::parse(tokenizer, origin)?;
        let config = parse_config(config, origin)?;
        let template = ChatTemplate::in_config(&config, origin);
        let template = template.map_err(|reason| TokenizerError::ParseConfig {
            origin: origin.to_owned(),
            source: reason.into(),
        })?;
        let tokenizer = tokenizer.with_parsed_config(&config);
        Ok(match template {
            Some(template) => tokenizer.with_chat_template(template),
            None => tokenizer,
        })
    }

    fn configured(self, json: &[u8], origin: &str) -> Result<Self, TokenizerError> {
        Ok(self.with_parsed_config(&parse_config(json, origin)?))
    }

    fn with_parsed_config(mut self, json: &Json) -> Self {
        let config = TokenizerConfig::new(json);
        let id = |token: Option<String>| token.and_then(|token| self.special_id(&token));
        let (bos, eos) = (id(config.bos_token), id(config.eos_token));
        match config.add_bos_token {
            Some(true) => self.bos = bos.or(self.bos),
            Some(false) => self.bos = None,
            None => {}
        }
        self.eos = eos.or(self.eos);
        self
    }

    /// `origin` is named in errors.
    fn parse(json: &[u8], origin: &str) -> Result<Self, TokenizerError> {
        let parse = |source| TokenizerError::Parse {
            origin: origin.to_owned(),
            source,
        };
        let unsupported = |found| TokenizerError::Unsupported {
            origin: origin.to_owned(),
            found,
        };
        let value = parse_json(json, origin)?;
        let traits = validate::check(&value).map_err(unsupported)?;
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
            let found = format!("its {} tokens have ids up to {}", vocab.len(), size - 1);
            return Err(unsupported(found));
        }
        let mut tokens: Vec<Option<String>> = vec![None; size];
        for (token, id) in vocab {
            if let Some(other) = tokens[id as usize].replace(token) {
                let found = format!("its id {id} is assigned to {other:.80?} and to another token");
                return Err(unsupported(found));
            }
        }
        if let Some(id) = traits.first_id.filter(|&id| id as usize >= size) {
            let found = format!("its post_processor adds the id {id}, which has no token");
            return Err(unsupported(found));
        }
        let mut control = HashMap::new();
        let mut is_special = vec![false; size];
        let mut added = Vec::new();
        for (id, mut token) in plain.get_added_tokens_decoder() {
            if let Some(flag) = is_special.get_mut(id as usize) {
                *flag = token.special;
                control.insert(token.content.clone(), id);
            }
            if !token.special {
                token.special = true;
                added.push(token);
            }
        }
        // The library recognises tokens in plain text unless they are special.
        plain.add_tokens(added).map_err(parse)?;
        let unknown = traits.unknown.and_then(|token| plain.token_to_id(&token));
        let alphabet = traits.pipeline.alphabet;
        let inner = Inner {
            plain,
            with_special_tokens: OnceLock::new(),
            is_byte: byte_tokens(&tokens, alphabet),
            bytes: TokenBytes::new(tokens.into_iter().map(|token| bytes(token, alphabet))),
            control,
            is_special,
            alphabet,
            prefix_space: traits.pipeline.prefix_space,
            has_every_byte: traits.has_every_byte,
            unknown,
        };
        Ok(Self {
            inner: Arc::new(inner),
            bos: traits.first_id,
            eos: None,
            chat_template: None,
        })
    }
}

/// Reads a regular file.
fn read(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    limited_file::read(path, MAX).map_err(|source| match source.kind() {
        ErrorKind::FileTooLarge => TokenizerError::Unsupported {
            origin: path.display().to_string(),
            found: source.to_string(),
        },
        _ => TokenizerError::Read {
            path: path.to_path_buf(),
            source,
        },
    })
}

fn parse_config(json: &[u8], origin: &str) -> Result<Json, TokenizerError> {
    parse_json(json, origin).map_err(|error| match error {
        TokenizerError::Parse { origin, source } => TokenizerError::ParseConfig { origin, source },
        other => other,
    })
}

fn parse_json(json: &[u8], origin: &str) -> Result<Json, TokenizerError> {
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
    serde_json::from_slice(json).map_err(|e| parse(e.into()))
}

/// Returns of each id whether it is a byte token of SentencePiece.
fn byte_tokens(tokens: &[Option<String>], alphabet: Alphabet) -> Vec<bool> {
    let is_byte = |token: &Option<String>| {
        let token = token.as_deref().unwrap_or_default();
        alphabet == Alphabet::SentencePiece && sentencepiece::fallback_byte(token).is_some()
    };
    tokens.iter().map(is_byte).collect()
}

/// Returns the bytes of a token.
///
/// A string with characters outside the alphabet (an added token) represents its UTF-8 bytes.
fn bytes(token: Option<String>, alphabet: Alphabet) -> Vec<u8> {
    let token = token.unwrap_or_default();
    match alphabet {
        Alphabet::ByteLevel => byte_level::bytes_of(&token).unwrap_or_else(|| token.into_bytes()),
        Alphabet::SentencePiece => sentencepiece::bytes_of(&token),
    }
}
