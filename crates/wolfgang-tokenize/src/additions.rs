//! Tokens that models expect before and after a text: `tokenizer_config.json`, and the
//! post-processor of `tokenizer.json`.

use crate::pipeline::{Part, shown};
use serde_json::Value as Json;

/// Returns the id with which the post-processor begins a text, if there is one. Ids that it adds
/// after the text are ignored: a prompt does not end there. The error is the rest of a sentence.
pub(crate) fn first_id(file: &Json) -> Result<Option<u32>, String> {
    let part = Part::new(file, "post_processor", "processors")?;
    let mut first = None;
    for member in &part.members {
        match member["type"].as_str() {
            // It changes only offsets.
            Some("ByteLevel") => {}
            Some("TemplateProcessing") if first.is_none() => first = template_first_id(member)?,
            _ => return Err(part.unknown()),
        }
    }
    Ok(first)
}

fn template_first_id(template: &Json) -> Result<Option<u32>, String> {
    let pieces = template["single"].as_array().into_iter().flatten();
    let mut names = pieces.map_while(|piece| piece["SpecialToken"]["id"].as_str());
    let Some(name) = names.next() else {
        return Ok(None);
    };
    let ids = &template["special_tokens"][name]["ids"];
    let id = match ids.as_array().map(Vec::as_slice) {
        Some([id]) => id.as_u64().and_then(|id| u32::try_from(id).ok()),
        _ => None,
    };
    match (id, names.next()) {
        (Some(id), None) => Ok(Some(id)),
        (None, _) => Err(format!(
            "its post_processor adds {name:.80?} with the ids {}",
            shown(ids)
        )),
        (_, Some(_)) => Err("its post_processor adds several tokens before a text".to_owned()),
    }
}

/// The fields of `tokenizer_config.json` that are used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenizerConfig {
    /// Whether a text begins with `bos_token`. `None`: the post-processor decides.
    pub(crate) add_bos_token: Option<bool>,
    pub(crate) bos_token: Option<String>,
    pub(crate) eos_token: Option<String>,
}

impl TokenizerConfig {
    pub(crate) fn new(json: &Json) -> Self {
        // A token is a string, or an object with its properties.
        let token = |field: &str| {
            let token = &json[field];
            let text = token.as_str().or_else(|| token["content"].as_str());
            text.map(str::to_owned)
        };
        Self {
            add_bos_token: json["add_bos_token"].as_bool(),
            bos_token: token("bos_token"),
            eos_token: token("eos_token"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A file whose template begins with these tokens.
    fn file(first: &[&str], special_tokens: &Json) -> Json {
        let pieces = first.iter().map(|id| json!({"SpecialToken": {"id": id}}));
        let end = [
            json!({"Sequence": {"id": "A"}}),
            json!({"SpecialToken": {"id": "</s>"}}),
        ];
        let single: Vec<Json> = pieces.chain(end).collect();
        let template = json!({"type": "TemplateProcessing", "single": single,
            "special_tokens": special_tokens});
        json!({"post_processor": {"type": "Sequence",
            "processors": [{"type": "ByteLevel"}, template]}})
    }

    #[test]
    fn a_template_gives_at_most_one_id_before_a_text() {
        let tokens = json!({"<s>": {"ids": [1]}, "<two>": {"ids": [1, 2]}});
        assert_eq!(first_id(&json!({})), Ok(None));
        assert_eq!(first_id(&file(&[], &tokens)), Ok(None));
        assert_eq!(first_id(&file(&["<s>"], &tokens)), Ok(Some(1)));
        for several in [&["<s>", "<s>"][..], &["<two>"], &["<none>"]] {
            let reason = first_id(&file(several, &tokens)).unwrap_err();
            assert!(reason.starts_with("its post_processor adds "), "{reason}");
        }
        let bert = json!({"post_processor": {"type": "BertProcessing"}});
        let reason = first_id(&bert).unwrap_err();
        assert_eq!(reason, "its post_processor is \"BertProcessing\"");
    }

    #[test]
    fn tokens_of_the_configuration_are_strings_or_objects() {
        let json = json!({"add_bos_token": true, "bos_token": {"content": "<s>"},
            "eos_token": "</s>"});
        let config = TokenizerConfig::new(&json);
        assert_eq!(config.add_bos_token, Some(true));
        assert_eq!(config.bos_token.as_deref(), Some("<s>"));
        assert_eq!(config.eos_token.as_deref(), Some("</s>"));
        assert_eq!(TokenizerConfig::new(&json!({})), TokenizerConfig::default());
    }
}
