//! The reader of `tokenizer.json`, and what it makes of a text.

use crate::Verdict;
use crate::stream::check_stream;
use wolfgang_tokenize::{Message, Role, SpecialTokens, Tokenizer};

/// A `tokenizer.json`, then, behind a zero byte (which no JSON has), a text.
pub(crate) fn tokenizer(input: &[u8]) -> Verdict {
    let end = input.iter().position(|&byte| byte == 0);
    let (json, text) = input.split_at(end.unwrap_or(input.len()));
    let text = String::from_utf8_lossy(text.get(1..).unwrap_or_default());
    let tokenizer = match Tokenizer::from_bytes(json) {
        Ok(tokenizer) => tokenizer,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Verdict::Refused;
        }
    };
    check_text(&tokenizer, json, &text);
    Verdict::Accepted
}

/// Checks what a tokenizer makes of a text. `json` is its `tokenizer.json`.
pub(crate) fn check_text(tokenizer: &Tokenizer, json: &[u8], text: &str) {
    if let Ok(ids) = tokenizer.encode(text) {
        check_ids(tokenizer, &ids);
        assert!(
            !tokenizer.control_tokens().any(|(_, id)| ids.contains(&id)),
            "text became a control token: {ids:?}"
        );
        let decoded = tokenizer.decode(&ids, SpecialTokens::Skip);
        // Some tokenizers put a space before the text.
        let whole = decoded == text || decoded.strip_prefix(' ') == Some(text);
        let represented = tokenizer.can_encode(text).unwrap_or_default();
        // Unicode normalization changes the text.
        let normalizes = json.windows(3).any(|name| name == b"NFC");
        assert!(
            whole || !represented || normalizes,
            "{text:?} became {decoded:?}"
        );
        // The name of an unknown token can be the very text that no token stands for.
        let has_unknown = json.windows(9).any(|name| name == b"unk_token");
        assert!(represented || !whole || has_unknown, "{text:?}");
    }
    if let Ok(ids) = tokenizer.encode_with_special(text) {
        check_ids(tokenizer, &ids);
    }
    if let Ok(ids) = tokenizer.encode_chat(&[Message::new(Role::User, text)]) {
        check_ids(tokenizer, &ids);
        let ends = ids
            .iter()
            .filter(|&&id| Some(id) == tokenizer.end_of_text());
        // A chat template can write any number of them.
        let is_built_in = tokenizer.chat_template().is_none();
        assert!(
            !is_built_in || ends.count() == 1,
            "a message can end itself: {ids:?}"
        );
    }
    if let Some(id) = tokenizer.token_id(text) {
        check_ids(tokenizer, &[id]);
    }
}

fn check_ids(tokenizer: &Tokenizer, ids: &[u32]) {
    for &id in ids {
        assert!((id as usize) < tokenizer.vocab_size(), "id {id}");
        assert!(tokenizer.token_bytes(id).is_some(), "id {id}");
    }
    check_stream(tokenizer, ids);
}
