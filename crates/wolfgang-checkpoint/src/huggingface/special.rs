//! Control tokens, for the configuration files of the `transformers` library.

use crate::CheckpointError;
use crate::end_ids::{FIELD, to_json};
use crate::file_names::TOKENIZER;
use crate::json::read_tokenizer;
use serde_json::{Map, Value as Json, json};
use std::path::Path;

const END_OF_TEXT: &str = "<|endoftext|>";
const PADDING: &str = "<|padding|>";
const ROLES: [&str; 3] = ["<|system|>", "<|user|>", "<|assistant|>"];

/// Formats each message as `<|role|>\n…\n<|endoftext|>`, the format of the training data.
const CHAT_TEMPLATE: &str = "{% for message in messages %}\
    {{ '<|' + message['role'] + '|>\\n' + message['content'] + '\\n<|endoftext|>' }}\
    {% endfor %}\
    {% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}";

/// Ids of the control tokens that a vocabulary has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SpecialIds {
    pub(crate) end_of_text: Option<u64>,
    pub(super) padding: Option<u64>,
    has_roles: bool,
}

impl SpecialIds {
    /// Reads the ids from the `tokenizer.json` of `folder`; none if there is no such file.
    pub(crate) fn from_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(TOKENIZER);
        match path.is_file() {
            true => Ok(Self::from_tokenizer(&read_tokenizer(&path)?)),
            false => Ok(Self::default()),
        }
    }

    /// Reads the ids from the content of a `tokenizer.json`.
    fn from_tokenizer(tokenizer: &Json) -> Self {
        let id = |token: &str| {
            let added = tokenizer["added_tokens"].as_array()?;
            added.iter().find(|added| added["content"] == token)?["id"].as_u64()
        };
        Self {
            end_of_text: id(END_OF_TEXT),
            padding: id(PADDING),
            has_roles: ROLES.iter().all(|role| id(role).is_some()),
        }
    }

    /// Creates the `tokenizer_config.json` for a `tokenizer.json` with these tokens.
    pub(super) fn tokenizer_config(&self, block_size: usize) -> Json {
        let mut config = json!({
            "clean_up_tokenization_spaces": false,
            "eos_token": self.end_of_text.map(|_| END_OF_TEXT),
            "model_max_length": block_size,
            "pad_token": self.padding.map(|_| PADDING),
            "tokenizer_class": "PreTrainedTokenizerFast",
        });
        self.add_chat_template(&mut config);
        config
    }

    /// Adds the template of the built-in chat format, if the vocabulary has its tokens.
    pub(super) fn add_chat_template(&self, config: &mut Json) {
        if self.has_roles && self.end_of_text.is_some() {
            config["chat_template"] = CHAT_TEMPLATE.into();
        }
    }

    /// Returns the ids that end a text: `end_ids`, or if there are none, the end-of-text token.
    pub(super) fn eos_token_id(&self, end_ids: &[u32]) -> Json {
        match end_ids {
            [] => json!(self.end_of_text),
            named => to_json(named),
        }
    }

    /// Creates the `generation_config.json` with these sampling fields.
    pub(super) fn generation_config(&self, end_ids: &[u32], sampling: &Map<String, Json>) -> Json {
        let mut fields = sampling.clone();
        fields.insert(FIELD.to_owned(), self.eos_token_id(end_ids));
        let padding = self.padding.or(self.end_of_text);
        fields.insert("pad_token_id".to_owned(), json!(padding));
        fields.insert("use_cache".to_owned(), json!(true));
        fields.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_the_vocabulary_are_written() {
        let none = SpecialIds::from_tokenizer(&json!({}));
        assert_eq!(none, SpecialIds::default());
        assert_eq!(none.tokenizer_config(8)["eos_token"], Json::Null);
        assert_eq!(none.tokenizer_config(8).get("chat_template"), None);

        let end = SpecialIds::from_tokenizer(
            &json!({"added_tokens": [{"id": 7, "content": END_OF_TEXT}]}),
        );
        assert_eq!(end.end_of_text, Some(7));
        assert_eq!(end.generation_config(&[], &Map::new())["pad_token_id"], 7);
        assert_eq!(end.tokenizer_config(8).get("chat_template"), None);
    }

    #[test]
    fn end_ids_take_precedence_over_the_token_of_the_tokenizer() {
        let end = SpecialIds::from_tokenizer(
            &json!({"added_tokens": [{"id": 7, "content": END_OF_TEXT}]}),
        );
        assert_eq!(end.generation_config(&[], &Map::new())[FIELD], json!(7));
        assert_eq!(end.generation_config(&[3], &Map::new())[FIELD], json!(3));
        assert_eq!(
            end.generation_config(&[3, 7], &Map::new())[FIELD],
            json!([3, 7])
        );
        assert_eq!(SpecialIds::default().eos_token_id(&[]), Json::Null);
    }
}
