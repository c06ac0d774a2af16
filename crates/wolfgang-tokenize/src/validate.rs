//! Validation of a `tokenizer.json` before the `tokenizers` crate reads it.

use crate::byte_level;
use serde_json::Value as Json;
use std::collections::HashSet;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Properties of a valid file that [`Tokenizer`](crate::Tokenizer) uses itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Whether encoding inserts a space before a text that does not begin with one.
    pub(crate) adds_prefix_space: bool,
    /// The token that encoding uses for bytes without a token. `None` if the vocabulary has a token
    /// for every byte.
    pub(crate) unknown: Option<String>,
}

/// Checks that `json` is a byte-level BPE with the guarantees of this crate. The error is the
/// reason, as the rest of a sentence.
///
/// Some of the refused features would silently break a guarantee: a dropout makes encoding random,
/// a normalizer cannot be undone by decoding, and some control tokens can be encoded from plain
/// text. Merges outside the vocabulary make the `tokenizers` crate panic.
pub(crate) fn check(json: &Json) -> Result<Traits, String> {
    let model = &json["model"];
    // Early versions of the format had no types. Only a BPE has merges.
    if model["type"] != "BPE" && !(model["type"].is_null() && model["merges"].is_array()) {
        return Err(format!("its model is {}", shown(&model["type"])));
    }
    // Other pre-tokenizers can lose text, run a regular expression in exponential time, or panic.
    let pre_tokenizer = byte_level_part(json, "pre_tokenizer", "pretokenizers")?;
    byte_level_part(json, "decoder", "decoders")?;
    if !is_no_normalizer(&json["normalizer"]) {
        return Err("it has a normalizer".to_owned());
    }
    for field in [
        "dropout",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
    ] {
        let value = &model[field];
        let off = value.is_null() || value == "" || value == 0.0 || value == false;
        if !off {
            return Err(format!("its {field} is {}", shown(value)));
        }
    }
    check_merges(model)?;
    check_added_tokens(&json["added_tokens"])?;
    let unknown = unknown_token(model);
    // The library's default is true.
    let uses_regex = pre_tokenizer["use_regex"] != false;
    let encodable = EncodableTokens::new(model, uses_regex);
    check_control_tokens(&encodable, unknown, &json["added_tokens"])?;
    if let Some(token) = unknown.filter(|token| encodable.contains(token)) {
        return Err(format!(
            "its unk_token {token:.80?} is both the fallback for bytes without a token and a token of the text"
        ));
    }
    Ok(Traits {
        adds_prefix_space: pre_tokenizer["add_prefix_space"] == true,
        unknown: unknown.map(str::to_owned),
    })
}

/// Returns the `ByteLevel` of a pre-tokenizer or decoder, alone or as the only member of a
/// `Sequence`.
fn byte_level_part<'a>(json: &'a Json, part: &str, members: &str) -> Result<&'a Json, String> {
    let mut only = &json[part];
    while only["type"] == "Sequence" {
        match only[members].as_array().map(Vec::as_slice) {
            Some([member]) => only = member,
            Some(several) => {
                let kinds: Vec<_> = several.iter().map(|one| shown(&one["type"])).collect();
                return Err(format!(
                    "its {part} is a Sequence of {}",
                    short(&kinds.join(", "))
                ));
            }
            None => return Err(format!("its {part} is a Sequence without {members}")),
        }
    }
    if only["type"] == "ByteLevel" {
        Ok(only)
    } else {
        Err(format!("its {part} is {}", shown(&only["type"])))
    }
}

/// Whether there is no normalizer, or only an empty `Sequence`.
fn is_no_normalizer(normalizer: &Json) -> bool {
    let empty = |members: &Json| members.as_array().is_some_and(Vec::is_empty);
    normalizer.is_null() || normalizer["type"] == "Sequence" && empty(&normalizer["normalizers"])
}

/// Returns the `unk_token`, or `None` if the vocabulary has a token for every byte, so that it is
/// never used.
fn unknown_token(model: &Json) -> Option<&str> {
    let vocab = model["vocab"].as_object()?;
    let has_all = byte_level::alphabet().all(|c| vocab.contains_key(c.encode_utf8(&mut [0; 4])));
    model["unk_token"].as_str().filter(|_| !has_all)
}

/// Returns the beginning of a value, which can be as long as the file.
fn shown(json: &Json) -> String {
    short(&json.to_string())
}

fn short(text: &str) -> String {
    format!("{text:.80}")
}

/// Checks that every merge joins two tokens into a third.
fn check_merges(model: &Json) -> Result<(), String> {
    let (Some(vocab), Some(merges)) = (model["vocab"].as_object(), model["merges"].as_array())
    else {
        return Err("its model has no vocab or no merges".to_owned());
    };
    for merge in merges {
        let known = split_merge(merge).is_some_and(|(left, right)| {
            let joined = format!("{left}{right}");
            [left, right, &joined]
                .iter()
                .all(|token| vocab.contains_key(*token))
        });
        if !known {
            return Err(format!(
                "its merge {} does not join two tokens into a third",
                shown(merge)
            ));
        }
    }
    Ok(())
}

/// Returns the two tokens that a merge joins.
fn split_merge(merge: &Json) -> Option<(&str, &str)> {
    match merge {
        Json::String(pair) => pair.split_once(' '),
        pair => pair[0].as_str().zip(pair[1].as_str()),
    }
}

/// The tokens that encoding of plain text can return.
struct EncodableTokens<'a> {
    vocab: &'a Json,
    merged: HashSet<String>,
    /// `ignore_merges`: whether a piece that is a token becomes that token without merges.
    whole_pieces: bool,
    uses_regex: bool,
}

impl<'a> EncodableTokens<'a> {
    fn new(model: &'a Json, uses_regex: bool) -> Self {
        let merges = model["merges"].as_array().into_iter().flatten();
        let merged = merges
            .filter_map(split_merge)
            .map(|(left, right)| format!("{left}{right}"));
        Self {
            vocab: &model["vocab"],
            merged: merged.collect(),
            whole_pieces: model["ignore_merges"] == true,
            uses_regex,
        }
    }

    fn contains(&self, token: &str) -> bool {
        let one_character = byte_level::bytes_of(token).is_some_and(|bytes| bytes.len() == 1);
        let whole_piece =
            || self.whole_pieces && !self.vocab[token].is_null() && self.is_piece(token);
        one_character || self.merged.contains(token) || whole_piece()
    }

    /// Whether the pre-tokenizer can return `token` as one piece. If it does so for any text, it
    /// does so for the text of the token alone.
    fn is_piece(&self, token: &str) -> bool {
        let text = byte_level::bytes_of(token).and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return false;
        };
        let mut pieces = PreTokenizedString::from(text);
        let result = ByteLevel::new(false, false, self.uses_regex).pre_tokenize(&mut pieces);
        let pieces = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        // If the library fails, the token is refused to be safe.
        result.is_err() || matches!(pieces[..], [(piece, ..)] if piece == token)
    }
}

/// Checks that encoding of plain text cannot return a control token.
fn check_control_tokens(
    encodable: &EncodableTokens<'_>,
    unknown: Option<&str>,
    added: &Json,
) -> Result<(), String> {
    let added = added.as_array().into_iter().flatten();
    let mut control = added
        .filter(|token| token["special"] == true)
        .filter_map(|token| token["content"].as_str());
    match control.find(|token| unknown == Some(token) || encodable.contains(token)) {
        Some(token) => Err(format!(
            "plain text can become its control token {token:.80?}"
        )),
        None => Ok(()),
    }
}

/// Checks that added tokens of the form of control tokens are marked as special: other added tokens
/// are recognised in plain text.
fn check_added_tokens(added: &Json) -> Result<(), String> {
    for token in added.as_array().into_iter().flatten() {
        let content = token["content"].as_str().unwrap_or_default();
        let looks_special = content.starts_with("<|") && content.ends_with("|>");
        if looks_special && token["special"] != true {
            return Err(format!(
                "its control token {content:.80?} is not marked as special"
            ));
        }
    }
    Ok(())
}
