//! Tokenizers as other programs write them: the ids are those of the `tokenizers` library.

use crate::fixtures::{fixture, wolfgang};
use serde_json::{Value as Json, json};
use std::path::Path;
use wolfgang_tokenize::{SpecialTokens, Tokenizer};

const CASES: [&str; 5] = [
    "model/tokenizer.json",
    "add_prefix_space.tokenizer.json",
    "tok_unk.json",
    "tok_ignore_merges.json",
    "tok_sequence.json",
];

const TEXTS: [&str; 12] = [
    "",
    " ",
    "  ",
    "Wer",
    " Wer",
    "\nWer reitet so spät durch Nacht und Wind?\n",
    "Wer  reitet\tso   spät ",
    "der Wer, der: 12 345",
    "<|endoftext|><|user|>",
    "[UNK] <unk>",
    "日本 🦉 e\u{301}",
    "\0\u{feff}\u{a0}\r\n",
];

fn case(name: &str) -> Vec<u8> {
    std::fs::read(fixture("cases").join(name)).unwrap()
}

/// The tokenizer of the cases with changes.
fn changed(change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut json = serde_json::from_slice(&case("model/tokenizer.json")).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

fn read(json: &[u8]) -> Tokenizer {
    Tokenizer::from_bytes(json).unwrap()
}

fn refusal(json: &[u8]) -> String {
    Tokenizer::from_bytes(json).unwrap_err().to_string()
}

/// Compares ids with the library's, and the streamed text with the whole.
#[track_caller]
fn assert_as_in_the_library(json: &[u8], name: &str) {
    let ours = read(json);
    let mut theirs = tokenizers::Tokenizer::from_bytes(json).unwrap();
    for encode_special in [true, false] {
        theirs.set_encode_special_tokens(encode_special);
        for text in TEXTS {
            let ids = match encode_special {
                true => ours.encode(text),
                false => ours.encode_with_special(text),
            };
            let ids = ids.unwrap();
            let expected = theirs.encode_fast(text, false).unwrap();
            assert_eq!(ids, expected.get_ids(), "{name}: {text:?}");
            for special in [SpecialTokens::Skip, SpecialTokens::Keep] {
                let mut stream = ours.decode_stream(special);
                let mut pieces: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
                pieces += &stream.finish();
                assert_eq!(pieces, ours.decode(&ids, special), "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn ids_are_those_of_the_tokenizers_library() {
    for name in CASES {
        assert_as_in_the_library(&case(name), name);
    }
}

#[test]
fn sequences_of_one_byte_level_are_read_nested_and_as_decoders() {
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false});
    let sequence = json!({"type": "Sequence", "pretokenizers": [byte_level]});
    let nested = json!({"type": "Sequence", "pretokenizers": [sequence]});
    for pre_tokenizer in [byte_level, sequence, nested] {
        let json = changed(|json| {
            json["pre_tokenizer"] = pre_tokenizer;
            json["decoder"] = json!({"type": "Sequence", "decoders": [json["decoder"]]});
            json["normalizer"] = json!({"type": "Sequence", "normalizers": []});
        });
        assert_as_in_the_library(&json, "sequence");
        assert!(read(&json).can_encode("Wer").unwrap());
    }
}

#[test]
fn a_sequence_of_anything_else_is_refused_by_its_members() {
    let spaces = json!({"type": "Whitespace"});
    let several = changed(|json| {
        let byte_level = json["pre_tokenizer"].clone();
        json["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [spaces, byte_level]});
    });
    let message = refusal(&several);
    assert!(
        message.contains("its pre_tokenizer is a Sequence of \"Whitespace\", \"ByteLevel\""),
        "{message}"
    );
    let empty = changed(|json| json["decoder"] = json!({"type": "Sequence", "decoders": []}));
    assert!(refusal(&empty).contains("its decoder is a Sequence of "));
    let alone = changed(|json| json["pre_tokenizer"] = json!({"type": "Sequence"}));
    assert!(refusal(&alone).contains("a Sequence without pretokenizers"));
}

#[test]
fn an_added_space_is_not_reported_as_lost() {
    let tokenizer = read(&case("add_prefix_space.tokenizer.json"));
    for text in TEXTS {
        assert_eq!(
            tokenizer.unencodable_offsets(text).unwrap(),
            [0; 0],
            "{text:?}"
        );
    }
    let without_w = changed(|json| {
        json["pre_tokenizer"]["add_prefix_space"] = json!(true);
        json["model"]["merges"] = json!([]);
        json["model"]["vocab"].as_object_mut().unwrap().remove("W");
    });
    let tokenizer = read(&without_w);
    for (text, missing) in [
        ("Wer", &[0][..]),
        (" Wer", &[1]),
        ("W", &[0]),
        ("der W er", &[4]),
        ("er", &[]),
    ] {
        assert_eq!(
            tokenizer.unencodable_offsets(text).unwrap(),
            missing,
            "{text:?}"
        );
    }
}

#[test]
fn a_text_names_its_token_also_where_encoding_adds_a_space() {
    let plain = read(&case("model/tokenizer.json"));
    let adding = read(&case("add_prefix_space.tokenizer.json"));
    for text in ["e", " ", "<|user|>", "er"] {
        assert!(plain.token_id(text).is_some(), "{text:?}");
        assert_eq!(adding.token_id(text), plain.token_id(text), "{text:?}");
    }
    assert_eq!(adding.token_id("no token"), None);
    assert_eq!(adding.token_id(""), None);
}

#[test]
fn the_command_does_not_warn_of_an_added_space() {
    for command in [
        &["tokenize", "Wer"][..],
        &["generate", "Wer", "--seed", "1"],
    ] {
        let output = wolfgang()
            .args(command)
            .arg("--model")
            .arg(fixture("cases/model"))
            .arg("--tokenizer")
            .arg(fixture("cases/add_prefix_space.tokenizer.json"))
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn whole_words_without_merges_never_become_control_tokens() {
    // With the regular expression, no piece is <|endoftext|>; without it, a whole text is one.
    assert!(
        read(&case("tok_ignore_merges.json"))
            .encode("<|endoftext|>")
            .unwrap()
            .len()
            > 1
    );
    let without_regex = changed(|json| {
        json["model"]["ignore_merges"] = json!(true);
        json["pre_tokenizer"]["use_regex"] = json!(false);
    });
    assert!(refusal(&without_regex).contains("plain text can become its control token"));
    // A control token that is a word.
    let word = changed(|json| {
        json["model"]["ignore_merges"] = json!(true);
        json["model"]["vocab"]["end"] = json!(265);
        let special = json!({"id": 265, "content": "end", "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false});
        json["added_tokens"].as_array_mut().unwrap().push(special);
    });
    assert!(refusal(&word).contains("control token \"end\""));
}

/// A vocabulary without `W`, whose place this token takes.
fn with_unknown(token: &str, special: bool) -> Vec<u8> {
    changed(|json| {
        json["model"]["merges"] = json!([]);
        json["model"]["unk_token"] = json!(token);
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        let id = vocab.remove("W").unwrap();
        vocab.insert(token.to_owned(), id.clone());
        if special {
            let added = json!({"id": id, "content": token, "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false});
            json["added_tokens"].as_array_mut().unwrap().push(added);
        }
    })
}

#[test]
fn an_unknown_token_is_reported_as_a_loss_and_is_no_control_token() {
    let json = with_unknown("<unk>", false);
    assert_as_in_the_library(&json, "unknown");
    assert_eq!(read(&json).unencodable_offsets("Wer W").unwrap(), [0, 4]);
    assert!(refusal(&with_unknown("<unk>", true)).contains("plain text can become"));
    assert!(refusal(&with_unknown("e", false)).contains("its unk_token \"e\""));
}

#[test]
fn a_byte_order_mark_before_the_json_is_ignored() {
    let (with, without) = (
        read(&case("tok_bom.json")),
        read(&case("model/tokenizer.json")),
    );
    for text in TEXTS {
        assert_eq!(with.encode(text).unwrap(), without.encode(text).unwrap());
    }
}

#[test]
fn a_git_lfs_pointer_is_named_in_the_error() {
    let message = refusal(&case("hf_lfs/model.safetensors"));
    assert!(
        message.contains("tokenizer.json is a git-lfs pointer"),
        "{message}"
    );
    assert!(message.contains("`git lfs pull`"), "{message}");
}

/// What the command warns of when it tokenizes `text` with this tokenizer.
fn warning(tokenizer: &Path, text: &str) -> String {
    let output = wolfgang()
        .args(["tokenize", text, "--tokenizer"])
        .arg(tokenizer)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn lost_characters_that_cannot_be_seen_are_named_by_code_point() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let json = changed(|json| {
        json["model"]["merges"] = json!([]);
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        // In the alphabet of byte-level tokens: W, a line break, and the bytes of a combining acute
        // accent.
        for lost in ["W", "Ċ", "Ì", "ģ"] {
            assert!(vocab.remove(lost).is_some(), "{lost}");
        }
    });
    std::fs::write(&path, json).unwrap();
    let text = "We\u{301}r\nW";
    let warning = warning(&path, text);
    assert!(
        warning.ends_with("dropped characters: W U+0301 U+000A\n"),
        "{warning}"
    );
}
