//! Which pipelines are known, with which ids a text begins and ends, and what is refused by name.

use crate::fixtures::fixture;
use serde_json::{Value as Json, json};
use wolfgang_tokenize::{SpecialTokens, Tokenizer};

fn changed(family: &str, change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let path = fixture(&format!("tokenizers/{family}.json"));
    let mut json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

fn read(json: &[u8]) -> Tokenizer {
    Tokenizer::from_bytes(json).unwrap()
}

type Change = fn(&mut Json);

#[track_caller]
fn assert_refused(family: &str, changes: &[(&str, Change)]) {
    for (expected, change) in changes {
        let error = Tokenizer::from_bytes(&changed(family, *change)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn unknown_components_of_byte_level_pipelines_are_refused_by_name() {
    let changes: [(&str, Change); 8] = [
        ("its normalizer is \"NFKC\"", |json| {
            json["normalizer"]["type"] = "NFKC".into();
        }),
        (
            "its normalizer is a Sequence of \"NFC\", \"Lowercase\"",
            |json| {
                json["normalizer"] = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]});
            },
        ),
        (
            "Split has the unknown pattern {\"Regex\":\"(a+)+$\"}",
            |json| {
                json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a+)+$".into();
            },
        ),
        ("Split is inverted or not Isolated", |json| {
            json["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Removed".into();
        }),
        ("ByteLevel has use_regex after a Split", |json| {
            json["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = true.into();
        }),
        ("ByteLevel has add_prefix_space in a Sequence", |json| {
            json["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = true.into();
        }),
        ("its post_processor is \"BertProcessing\"", |json| {
            json["post_processor"] =
                json!({"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 2]});
        }),
        ("lacks the byte token \"a\"", |json| {
            json["model"]["merges"] = json!([]);
            json["model"]["vocab"].as_object_mut().unwrap().remove("a");
        }),
    ];
    assert_refused("qwen", &changes);
    let together: Change = |json| {
        json["pre_tokenizer"]["pretokenizers"][0]["individual_digits"] = false.into();
    };
    assert_refused(
        "smollm",
        &[("Digits does not split individual_digits", together)],
    );
}

#[test]
fn unknown_components_of_sentencepiece_pipelines_are_refused_by_name() {
    let changes: [(&str, Change); 10] = [
        ("its normalizer Prepend prepends \"_\"", |json| {
            json["normalizer"]["normalizers"][0]["prepend"] = "_".into();
        }),
        (
            "its normalizer Replace replaces {\"Regex\":\" +\"}",
            |json| {
                json["normalizer"]["normalizers"][1]["pattern"] = json!({"Regex": " +"});
            },
        ),
        ("its normalizer is \"NFKC\"", |json| {
            json["normalizer"] = json!({"type": "NFKC"})
        }),
        ("its pre_tokenizer is \"Whitespace\"", |json| {
            json["pre_tokenizer"] = json!({"type": "Whitespace"});
        }),
        ("its decoder is \"Metaspace\"", |json| {
            json["decoder"] = json!({"type": "Metaspace", "replacement": "▁"});
        }),
        ("its decoder Strip does not strip one space", |json| {
            json["decoder"]["decoders"][3]["start"] = 2.into();
        }),
        ("its decoder does not strip the space", |json| {
            json["decoder"]["decoders"].as_array_mut().unwrap().pop();
        }),
        ("its byte_fallback is false", |json| {
            json["model"]["byte_fallback"] = false.into();
        }),
        ("its ignore_merges is true", |json| {
            json["model"]["ignore_merges"] = true.into()
        }),
        ("lacks the byte token \"<0xFF>\"", |json| {
            let vocab = json["model"]["vocab"].as_object_mut().unwrap();
            vocab.remove("<0xFF>");
        }),
    ];
    assert_refused("llama2", &changes);
}

#[test]
fn no_sentencepiece_vocabulary_lets_text_become_a_control_token() {
    let changes: [(&str, Change); 3] = [
        ("can become its control token \"e\"", |json| {
            json["added_tokens"][1]["content"] = "e".into();
        }),
        ("can become its control token \"<0x41>\"", |json| {
            json["added_tokens"][1]["content"] = "<0x41>".into();
        }),
        ("can become its control token \"en\"", |json| {
            json["added_tokens"][1]["content"] = "en".into();
        }),
    ];
    assert_refused("llama2", &changes);
}

/// A Metaspace inserts a space only where there is none, so a text keeps its own.
#[test]
fn metaspace_pre_tokenizers_encode_as_in_the_library_and_report_a_lost_first_space() {
    for scheme in ["first", "always", "never"] {
        let json = changed("llama2", |json| {
            json["normalizer"] = Json::Null;
            json["pre_tokenizer"] = json!({"type": "Metaspace", "replacement": "▁",
                "prepend_scheme": scheme, "split": scheme == "always"});
            if scheme == "never" {
                json["decoder"]["decoders"].as_array_mut().unwrap().pop();
            }
        });
        let ours = read(&json);
        let theirs = tokenizers::Tokenizer::from_bytes(&json).unwrap();
        for text in ["", " ", "Wer reitet  so", " Wer", "▁a ▁", "日本 🦉\n"] {
            let ids = ours.encode(text).unwrap();
            let expected = theirs.encode_fast(text, false).unwrap();
            assert_eq!(ids, expected.get_ids(), "{scheme}: {text:?}");
            let decoded = ours.decode(&ids, SpecialTokens::Skip);
            assert_eq!(decoded, theirs.decode(&ids, true).unwrap(), "{scheme}");
            assert_eq!(
                ours.can_encode(text).unwrap(),
                decoded == text,
                "{scheme}: {text:?}"
            );
        }
    }
}

#[test]
fn a_prompt_begins_with_the_bos_id_of_the_post_processor_or_the_configuration() {
    for (family, bos) in [("llama3", Some(0)), ("llama2", Some(1)), ("qwen", None)] {
        assert_eq!(read(&changed(family, |_| ())).bos_id(), bos, "{family}");
    }
    let llama2 = || read(&changed("llama2", |_| ()));
    let configured = |config: &Json| {
        let config = serde_json::to_vec(config).unwrap();
        llama2().with_config(&config).unwrap()
    };
    assert_eq!(configured(&json!({"bos_token": "</s>"})).bos_id(), Some(1));
    assert_eq!(configured(&json!({"add_bos_token": false})).bos_id(), None);
    let other = configured(
        &json!({"add_bos_token": true, "bos_token": {"content": "</s>"},
        "eos_token": "</s>"}),
    );
    assert_eq!((other.bos_id(), other.eos_id()), (Some(2), Some(2)));
    let unknown = configured(&json!({"add_bos_token": true, "bos_token": "<none>",
        "eos_token": null}));
    assert_eq!((unknown.bos_id(), unknown.eos_id()), (Some(1), None));
}

#[test]
fn a_tokenizer_file_is_read_with_the_configuration_next_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, changed("llama2", |_| ())).unwrap();
    assert_eq!(Tokenizer::from_file(&path).unwrap().eos_id(), None);
    let config = folder.path().join("tokenizer_config.json");
    std::fs::write(&config, r#"{"eos_token": "</s>", "add_bos_token": false}"#).unwrap();
    let tokenizer = Tokenizer::from_file(&path).unwrap();
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (None, Some(2)));
    std::fs::write(&config, "{").unwrap();
    let message = Tokenizer::from_file(&path).unwrap_err().to_string();
    assert!(
        message.contains("is not a valid tokenizer_config.json"),
        "{message}"
    );
}

#[test]
fn a_text_names_its_token_in_a_sentencepiece_vocabulary() {
    let tokenizer = read(&changed("llama2", |_| ()));
    let id = |token: &str| tokenizer.token_id(token);
    assert_eq!(id("<s>"), Some(1));
    assert_eq!(
        id("a"),
        Some(302),
        "a token with this text, not the byte token"
    );
    assert_eq!(id("\n"), Some(13), "the byte token");
    assert_eq!(id(" "), Some(339));
}
