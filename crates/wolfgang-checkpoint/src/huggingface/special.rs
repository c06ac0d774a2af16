//! The control tokens that the `transformers` library must know by name.

use crate::end_ids::{FIELD, to_json};
use serde_json::{Value as Json, json};

const END_OF_TEXT: &str = "<|endoftext|>";
const PADDING: &str = "<|padding|>";
const ROLES: [&str; 3] = ["<|system|>", "<|user|>", "<|assistant|>"];

/// Each message as `<|role|>\n…\n<|endoftext|>`, as the models saw them.
const CHAT_TEMPLATE: &str = "{% for message in messages %}\
    {{ '<|' + message['role'] + '|>\\n' + message['content'] + '\\n<|endoftext|>' }}\
    {% endfor %}\
    {% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}";

/// Ids of control tokens, of those that a vocabulary has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SpecialIds {
    pub(crate) end_of_text: Option<u64>,
    pub(super) padding: Option<u64>,
    has_roles: bool,
}

impl SpecialIds {
    /// As a `tokenizer.json` has them.
    pub(crate) fn of(tokenizer: &Json) -> Self {
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

    /// The `tokenizer_config.json` beside a `tokenizer.json` with these.
    pub(super) fn tokenizer_config(&self, block_size: usize) -> Json {
        let mut config = json!({
            "clean_up_tokenization_spaces": false,
            "eos_token": self.end_of_text.map(|_| END_OF_TEXT),
            "model_max_length": block_size,
            "pad_token": self.padding.map(|_| PADDING),
            "tokenizer_class": "PreTrainedTokenizerFast",
        });
        if self.has_roles && self.end_of_text.is_some() {
            config["chat_template"] = CHAT_TEMPLATE.into();
        }
        config
    }

    /// The ids that end a text, as the model's files named them, or else the tokenizer's.
    pub(super) fn eos_token_id(&self, end_ids: &[u32]) -> Json {
        match end_ids {
            [] => json!(self.end_of_text),
            named => to_json(named),
        }
    }

    /// The `generation_config.json`. Sampling stays the user's choice.
    pub(super) fn generation_config(&self, end_ids: &[u32]) -> Json {
        json!({
            FIELD: self.eos_token_id(end_ids),
            "pad_token_id": self.padding.or(self.end_of_text),
            "use_cache": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_vocabulary_has_is_named() {
        let none = SpecialIds::of(&json!({}));
        assert_eq!(none, SpecialIds::default());
        assert_eq!(none.tokenizer_config(8)["eos_token"], Json::Null);
        assert_eq!(none.tokenizer_config(8).get("chat_template"), None);

        let end = SpecialIds::of(&json!({"added_tokens": [{"id": 7, "content": END_OF_TEXT}]}));
        assert_eq!(end.end_of_text, Some(7));
        assert_eq!(end.generation_config(&[])["pad_token_id"], 7);
        assert_eq!(end.tokenizer_config(8).get("chat_template"), None);
    }

    #[test]
    fn named_end_ids_come_before_the_tokenizers() {
        let end = SpecialIds::of(&json!({"added_tokens": [{"id": 7, "content": END_OF_TEXT}]}));
        assert_eq!(end.generation_config(&[])[FIELD], json!(7));
        assert_eq!(end.generation_config(&[3])[FIELD], json!(3));
        assert_eq!(end.generation_config(&[3, 7])[FIELD], json!([3, 7]));
        assert_eq!(SpecialIds::default().eos_token_id(&[]), Json::Null);
    }
}
