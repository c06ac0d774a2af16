//! What must hold of a `tokenizer.json` before the library may read it.

use serde_json::Value as Json;
use std::collections::HashSet;

/// Says what stands in the way of using `json` as a byte-level BPE, as the rest of a sentence.
///
/// Some of these would break the promises of this crate silently (a dropout that makes encoding random, a normalizer
/// that decoding cannot undo, control tokens that plain text can write), and merges beyond the vocabulary make the
/// library panic.
pub(crate) fn check(json: &Json) -> Result<(), String> {
    let model = &json["model"];
    // Early versions of the format had no types; a BPE is then known by its merges.
    if model["type"] != "BPE" && !(model["type"].is_null() && model["merges"].is_array()) {
        return Err(format!("its model is {}", shown(&model["type"])));
    }
    // Others lose text, may look for a regular expression without end, and one panics.
    for part in ["pre_tokenizer", "decoder"] {
        let kind = &json[part]["type"];
        if kind != "ByteLevel" {
            return Err(format!("its {part} is {}", shown(kind)));
        }
    }
    if !json["normalizer"].is_null() {
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
    check_control_tokens(model, &json["added_tokens"])
}

/// The beginning of a value; all of it could be as long as the file.
fn shown(json: &Json) -> String {
    format!("{:.80}", json.to_string())
}

/// Every merge must join two tokens into a third.
fn check_merges(model: &Json) -> Result<(), String> {
    let (Some(vocab), Some(merges)) = (model["vocab"].as_object(), model["merges"].as_array())
    else {
        return Err("its model has no vocab or no merges".to_owned());
    };
    for merge in merges {
        let known = sides(merge).is_some_and(|(left, right)| {
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

/// The two tokens that a merge joins.
fn sides(merge: &Json) -> Option<(&str, &str)> {
    match merge {
        Json::String(pair) => pair.split_once(' '),
        pair => pair[0].as_str().zip(pair[1].as_str()),
    }
}

/// No control token may be what the model itself makes of some text.
fn check_control_tokens(model: &Json, added: &Json) -> Result<(), String> {
    let added = added.as_array().into_iter().flatten();
    let mut control = added
        .filter(|token| token["special"] == true)
        .filter_map(|token| token["content"].as_str());
    let merges = model["merges"].as_array().into_iter().flatten();
    let merged: HashSet<String> = merges
        .filter_map(sides)
        .map(|(left, right)| format!("{left}{right}"))
        .collect();
    let written = |token: &&str| {
        let whole_words = model["ignore_merges"] == true && !model["vocab"][*token].is_null();
        let one_character = token.chars().nth(1).is_none() && !token.is_empty();
        whole_words || one_character || merged.contains(*token) || model["unk_token"] == *token
    };
    match control.find(written) {
        Some(token) => Err(format!(
            "plain text can become its control token {token:.80?}"
        )),
        None => Ok(()),
    }
}

/// What looks like a control token must be one: other added tokens are recognised in any text.
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
