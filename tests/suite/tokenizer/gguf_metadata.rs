//! GGUF files that contain a tokenizer and nothing else.

use crate::fixtures::json;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::PathBuf;
use tempfile::TempDir;
use wolfgang_generate::{GenerateError, Tokenizer, TokenizerSource};

/// Types of tokens.
pub(super) const NORMAL: i32 = 1;
pub(super) const CONTROL: i32 = 3;
pub(super) const USER_DEFINED: i32 = 4;
pub(super) const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// The metadata of a GGUF file without tensors.
#[derive(Clone)]
pub(super) struct Metadata {
    pub(super) model: String,
    pub(super) pre: Option<String>,
    pub(super) tokens: Vec<String>,
    pub(super) types: Vec<i32>,
    pub(super) scores: Vec<f32>,
    pub(super) merges: Vec<String>,
    /// Keys below `tokenizer.ggml` with an id.
    pub(super) ids: Vec<(&'static str, u32)>,
    pub(super) add_bos: Option<bool>,
    pub(super) template: Option<String>,
}

impl Metadata {
    /// The tokenizer `tokenizers/FAMILY.json`, as it is written to a GGUF file.
    pub(super) fn of(family: &str, model: &str, pre: Option<&str>) -> Self {
        let file: Json = json(&format!("tokenizers/{family}.json"));
        let vocab = file["model"]["vocab"].as_object().unwrap();
        let mut tokens = vec![String::new(); vocab.len()];
        for (token, id) in vocab {
            tokens[usize::try_from(id.as_u64().unwrap()).unwrap()] = token.clone();
        }
        let is_byte = |token: &String| model == "llama" && token.starts_with("<0x");
        let types = tokens.iter().map(|token| match is_byte(token) {
            true => BYTE,
            false => NORMAL,
        });
        let mut types: Vec<i32> = types.collect();
        let added = file["added_tokens"].as_array().unwrap().iter();
        for id in added.map(|token| token["id"].as_u64().unwrap()) {
            types[usize::try_from(id).unwrap()] = CONTROL;
        }
        let merges = file["model"]["merges"].as_array().unwrap().iter();
        let merges = merges.map(|pair| {
            let [left, right] = [&pair[0], &pair[1]].map(|side| side.as_str().unwrap());
            format!("{left} {right}")
        });
        Self {
            model: model.to_owned(),
            pre: pre.map(str::to_owned),
            tokens,
            types,
            scores: Vec::new(),
            merges: merges.collect(),
            ids: Vec::new(),
            add_bos: None,
            template: None,
        }
    }

    /// `llama2`, whose priorities are scores and not merges.
    pub(super) fn sentencepiece() -> Self {
        let mut metadata = Self::of("llama2", "llama", None);
        let mut ranks: HashMap<String, usize> = HashMap::new();
        for (rank, merge) in metadata.merges.drain(..).enumerate() {
            ranks.entry(merge.replace(' ', "")).or_insert(rank);
        }
        let score = |token| ranks.get(token).map_or(-1e6, |&rank| -(rank as f32));
        metadata.scores = metadata.tokens.iter().map(score).collect();
        metadata.ids = vec![
            ("bos_token_id", 1),
            ("eos_token_id", 2),
            ("unknown_token_id", 0),
        ];
        metadata
    }

    pub(super) fn with_id(mut self, key: &'static str, id: u32) -> Self {
        self.ids.push((key, id));
        self
    }

    /// The file.
    fn bytes(&self) -> Vec<u8> {
        let mut entries = Entries::default();
        let key = |name: &str| format!("tokenizer.ggml.{name}");
        entries.string(&key("model"), &self.model);
        if let Some(pre) = &self.pre {
            entries.string(&key("pre"), pre);
        }
        entries.array(&key("tokens"), 8, &self.tokens, |token| sized(token));
        if !self.types.is_empty() {
            let bytes = |kind: &i32| kind.to_le_bytes().to_vec();
            entries.array(&key("token_type"), 5, &self.types, bytes);
        }
        if !self.scores.is_empty() {
            let bytes = |score: &f32| score.to_le_bytes().to_vec();
            entries.array(&key("scores"), 6, &self.scores, bytes);
        }
        if !self.merges.is_empty() {
            entries.array(&key("merges"), 8, &self.merges, |merge| sized(merge));
        }
        for (name, id) in &self.ids {
            entries.value(&key(name), 4, &id.to_le_bytes());
        }
        if let Some(add) = self.add_bos {
            entries.value(&key("add_bos_token"), 7, &[u8::from(add)]);
        }
        if let Some(template) = &self.template {
            entries.string("tokenizer.chat_template", template);
        }
        let header = [b"GGUF".as_slice(), &3u32.to_le_bytes(), &0u64.to_le_bytes()].concat();
        [header, entries.count.to_le_bytes().to_vec(), entries.bytes].concat()
    }

    pub(super) fn write(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, self.bytes()).unwrap();
        (folder, path)
    }

    pub(super) fn load(&self) -> Result<Tokenizer, GenerateError> {
        let (_folder, path) = self.write();
        TokenizerSource::Embedded(path).load()
    }

    /// The message of the error.
    pub(super) fn refusal(&self) -> String {
        let message = self.load().unwrap_err().to_string();
        assert!(message.starts_with("the tokenizer in /"), "{message}");
        message
    }
}

/// Entries of the metadata.
#[derive(Default)]
struct Entries {
    count: u64,
    bytes: Vec<u8>,
}

impl Entries {
    fn value(&mut self, key: &str, kind: u32, value: &[u8]) {
        self.count += 1;
        self.bytes.extend(sized(key));
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
    }

    fn string(&mut self, key: &str, text: &str) {
        self.value(key, 8, &sized(text));
    }

    fn array<T>(&mut self, key: &str, kind: u32, items: &[T], bytes: impl Fn(&T) -> Vec<u8>) {
        let mut value = kind.to_le_bytes().to_vec();
        value.extend((items.len() as u64).to_le_bytes());
        value.extend(items.iter().flat_map(bytes));
        self.value(key, 9, &value);
    }
}

/// The length of a string, then the string.
fn sized(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}
