//! Validation of a `tokenizer.json` before the `tokenizers` crate reads it.

use crate::pipeline::{Alphabet, Pipeline, shown};
use crate::{additions, byte_level, sentencepiece};
use serde_json::Value as Json;
use std::collections::HashSet;
use tokenizers::{
    OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, PreTokenizerWrapper,
};

/// Properties of a valid file that [`Tokenizer`](crate::Tokenizer) uses itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Traits {
    pub(crate) pipeline: Pipeline,
    /// Whether the vocabulary has a token for every byte.
    pub(crate) has_every_byte: bool,
    /// The token that encoding uses for bytes without a token. `None` if the vocabulary has a token
    /// for every byte.
    pub(crate) unknown: Option<String>,
    /// The id that the post-processor inserts before a text.
    pub(crate) first_id: Option<u32>,
}

/// Checks that `json` is a BPE with a known pipeline and the guarantees of this crate. The error is
/// the reason, as the rest of a sentence.
///
/// Some of the refused features would silently break a guarantee: a dropout makes encoding random,
/// most normalizers cannot be undone by decoding, and some control tokens can be encoded from plain
/// text. Merges outside the vocabulary make the `tokenizers` crate panic.
pub(crate) fn check(json: &Json) -> Result<Traits, String> {
    let model = &json["model"];
    // Early versions of the format had no types. Only a BPE has merges.
    if model["type"] != "BPE" && !(model["type"].is_null() && model["merges"].is_array()) {
        return Err(format!("its model is {}", shown(&model["type"])));
    }
    // Other pre-tokenizers can lose text, run a regular expression in exponential time, or panic.
    let pipeline = Pipeline::new(json)?;
    check_options(model, pipeline.alphabet)?;
    check_merges(model)?;
    let first_missing = first_missing_byte(model, pipeline.alphabet);
    if let Some(token) = &first_missing {
        if pipeline.alphabet == Alphabet::SentencePiece {
            return Err(format!("its vocabulary lacks the byte token {token:?}"));
        }
        if pipeline.normalizes {
            return Err(format!(
                "its normalizer is \"NFC\", but its vocabulary lacks the byte token {token:?}"
            ));
        }
    }
    let unknown = model["unk_token"]
        .as_str()
        .filter(|_| first_missing.is_some());
    let encodable = EncodableTokens::new(model, &pipeline)?;
    check_control_tokens(&encodable, unknown, &json["added_tokens"])?;
    if let Some(token) = unknown.filter(|token| encodable.contains(token)) {
        return Err(format!(
            "its unk_token {token:.80?} is both the fallback for bytes without a token and a token of the text"
        ));
    }
    Ok(Traits {
        first_id: additions::first_id(json)?,
        has_every_byte: first_missing.is_none(),
        unknown: unknown.map(str::to_owned),
        pipeline,
    })
}

/// Checks the options of the model.
fn check_options(model: &Json, alphabet: Alphabet) -> Result<(), String> {
    let refused = match alphabet {
        Alphabet::ByteLevel => "byte_fallback",
        // Without a pre-tokenizer, a whole text would be one piece.
        Alphabet::SentencePiece => "ignore_merges",
    };
    let options = [
        "dropout",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        refused,
    ];
    for field in options {
        let value = &model[field];
        let off = value.is_null() || value == "" || value == 0.0 || value == false;
        if !off {
            return Err(format!("its {field} is {}", shown(value)));
        }
    }
    if alphabet == Alphabet::SentencePiece && model["byte_fallback"] != true {
        let value = shown(&model["byte_fallback"]);
        return Err(format!("its byte_fallback is {value}"));
    }
    Ok(())
}

/// Returns the token of the first byte that the vocabulary lacks.
fn first_missing_byte(model: &Json, alphabet: Alphabet) -> Option<String> {
    let missing = |token: &String| model["vocab"][token.as_str()].is_null();
    match alphabet {
        Alphabet::ByteLevel => byte_level::alphabet().map(String::from).find(missing),
        Alphabet::SentencePiece => (0..=255).map(sentencepiece::fallback_token).find(missing),
    }
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
    alphabet: Alphabet,
    /// With `ignore_merges`, a piece of this pre-tokenizer that is a token becomes that token
    /// without merges.
    whole_pieces: Option<PreTokenizerWrapper>,
}

impl<'a> EncodableTokens<'a> {
    fn new(model: &'a Json, pipeline: &Pipeline) -> Result<Self, String> {
        let merges = model["merges"].as_array().into_iter().flatten();
        let merged = merges
            .filter_map(split_merge)
            .map(|(left, right)| format!("{left}{right}"));
        let merged: HashSet<String> = merged.collect();
        let alphabet = pipeline.alphabet;
        let is_byte = |token: &&String| sentencepiece::fallback_byte(token).is_some();
        let written_byte = merged.iter().find(is_byte);
        if let (Alphabet::SentencePiece, Some(token)) = (alphabet, written_byte) {
            return Err(format!("plain text can become its byte token {token:?}"));
        }
        let whole_pieces = match model["ignore_merges"] == true {
            true => {
                let parsed = serde_json::from_value(pipeline.pre_tokenizer.clone());
                Some(parsed.map_err(|error| format!("its pre_tokenizer is invalid: {error}"))?)
            }
            false => None,
        };
        Ok(Self {
            vocab: &model["vocab"],
            merged,
            alphabet,
            whole_pieces,
        })
    }

    fn contains(&self, token: &str) -> bool {
        let single = match self.alphabet {
            Alphabet::ByteLevel => {
                byte_level::bytes_of(token).is_some_and(|bytes| bytes.len() == 1)
            }
            Alphabet::SentencePiece => {
                token.chars().count() == 1 || sentencepiece::fallback_byte(token).is_some()
            }
        };
        single || self.merged.contains(token) || self.is_whole_piece(token)
    }

    /// Whether the pre-tokenizer can return `token` as one piece, which then becomes this token. If
    /// it does so for any text, it does so for the text of the token alone.
    fn is_whole_piece(&self, token: &str) -> bool {
        let Some(pre_tokenizer) = &self.whole_pieces else {
            return false;
        };
        let text = byte_level::bytes_of(token).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.filter(|text| !text.is_empty() && !self.vocab[token].is_null());
        let Some(text) = text else {
            return false;
        };
        let mut pieces = PreTokenizedString::from(text);
        let result = pre_tokenizer.pre_tokenize(&mut pieces);
        let pieces = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        // If the library fails, the token is refused to be safe.
        result.is_err() || matches!(pieces[..], [(piece, ..)] if piece == token)
    }
}

/// Checks that encoding of plain text cannot return an added token.
fn check_control_tokens(
    encodable: &EncodableTokens<'_>,
    unknown: Option<&str>,
    added: &Json,
) -> Result<(), String> {
    let added = added.as_array().into_iter().flatten();
    let mut control = added.filter_map(|token| token["content"].as_str());
    match control.find(|token| unknown == Some(token) || encodable.contains(token)) {
        Some(token) => Err(format!(
            "plain text can become its control token {token:.80?}"
        )),
        None => Ok(()),
    }
}
