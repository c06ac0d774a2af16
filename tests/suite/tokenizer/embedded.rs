//! Tokenizers in the metadata of GGUF files: the same ids as from the `tokenizer.json` from which
//! the metadata was written.

use super::gguf_metadata::{CONTROL, Metadata, NORMAL, UNUSED, USER_DEFINED};
use crate::fixtures::{fixture, json, wolfgang};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use wolfgang_generate::{Message, Role, SpecialTokens, Tokenizer};

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    ids_with_special_tokens_added: Vec<u32>,
    decoded: String,
}

/// The five kinds, each with the names that llama.cpp gives to its pre-tokenizer.
fn kinds() -> Vec<(&'static str, Metadata)> {
    let byte_level = [
        ("gpt2", "gpt-2"),
        ("smollm", "smollm"),
        ("smollm", "starcoder"),
        ("smollm", "refact"),
        ("llama3", "llama-bpe"),
        ("llama3", "llama3"),
        ("llama3", "llama-v3"),
        ("qwen", "qwen2"),
    ];
    let byte_level = byte_level.map(|(family, pre)| {
        let metadata = Metadata::of(family, "gpt2", Some(pre));
        (family, metadata.with_id("bos_token_id", 0))
    });
    let mut kinds = byte_level.to_vec();
    let with_merges = Metadata::of("llama2", "llama", None);
    kinds.push(("llama2", with_merges.with_id("bos_token_id", 1)));
    kinds.push(("llama2", Metadata::sentencepiece()));
    kinds
}

#[test]
fn ids_and_texts_are_those_of_the_tokenizer_json() {
    for (family, metadata) in kinds() {
        let kind = format!("{family} as {:?}", metadata.pre);
        let ours = metadata.load().unwrap();
        let path = fixture(&format!("tokenizers/{family}.json"));
        let file = Tokenizer::from_file(path).unwrap();
        assert_eq!(ours.vocab_size(), file.vocab_size(), "{kind}");
        let control = |tokenizer: &Tokenizer| {
            let tokens = tokenizer.control_tokens();
            let mut tokens: Vec<_> = tokens.map(|(text, id)| (text.to_owned(), id)).collect();
            tokens.sort();
            tokens
        };
        assert_eq!(control(&ours), control(&file), "{kind}");
        assert_eq!(ours.bos_id(), file.bos_id(), "{kind}");
        let cases: Vec<Case> = json(&format!("tokenizers/{family}.cases.json"));
        assert_eq!(cases.len(), 82);
        for case in cases {
            let (text, what) = (&case.text, format!("{kind}: {:?}", case.text));
            let with_special = ours.encode_with_special(text).unwrap();
            assert_eq!(with_special, case.ids, "{what}");
            assert_eq!(ours.encode(text).unwrap(), file.encode(text).unwrap());
            let decoded = ours.decode(&case.ids, SpecialTokens::Skip);
            assert_eq!(decoded, case.decoded, "{what}");
            if !ours.control_tokens().any(|(token, _)| text.contains(token)) {
                let prompt = ours.encode_prompt(text).unwrap();
                assert_eq!(prompt, case.ids_with_special_tokens_added, "{what}");
            }
        }
    }
}

/// The ids of SentencePiece: the neighbours whose joined text has the highest score are merged
/// first, the leftmost of several. (Kudo and Richardson 2018; llama.cpp does the same.)
fn sentencepiece_ids(metadata: &Metadata, text: &str) -> Vec<u32> {
    let ids: HashMap<&str, u32> = (0..)
        .zip(&metadata.tokens)
        .map(|(id, token)| (token.as_str(), id))
        .collect();
    let text = match text.is_empty() {
        true => String::new(),
        false => format!(" {text}").replace(' ', "▁"),
    };
    let mut pieces: Vec<String> = text.chars().map(String::from).collect();
    loop {
        let joined = pieces.windows(2).map(|pair| pair.concat()).enumerate();
        let scored = joined.filter_map(|(at, text)| {
            let &id = ids.get(text.as_str())?;
            let is_normal = metadata.types[id as usize] == NORMAL;
            is_normal.then(|| (metadata.scores[id as usize], at))
        });
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((_, at)) = best else { break };
        let right = pieces.remove(at + 1);
        pieces[at].push_str(&right);
    }
    let encoded = pieces.iter().flat_map(|piece| {
        let id = ids.get(piece.as_str());
        match id.filter(|id| metadata.types[**id as usize] == NORMAL) {
            Some(&id) => vec![id],
            None => piece
                .bytes()
                .map(|byte| ids[format!("<0x{byte:02X}>").as_str()])
                .collect(),
        }
    });
    encoded.collect()
}

#[test]
fn scores_give_the_ids_of_sentencepiece() {
    let metadata = Metadata::sentencepiece();
    let tokenizer = metadata.load().unwrap();
    let fragment = prop_oneof![
        "[a-zA-ZäöüßÄÖÜ]{1,12}",
        " [a-z]{1,8}",
        " {1,20}",
        "[en]{1,12}",
        "[.,;:!?„“–-]{1,4}",
        "[0-9\n\t🦉日▁]{1,4}",
    ];
    let texts = proptest::collection::vec(fragment, 0..8);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(ProptestConfig::with_cases(1000), rng)
        .run(&texts, |fragments| {
            let text = fragments.concat();
            let ids = tokenizer.encode(&text).unwrap();
            assert_eq!(ids, sentencepiece_ids(&metadata, &text), "{text:?}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_prompt_begins_with_the_bos_token_if_the_file_or_its_kind_says_so() {
    let bos = |metadata: &Metadata, add| {
        let metadata = Metadata {
            add_bos: add,
            ..metadata.clone()
        };
        metadata.load().unwrap().bos_id()
    };
    let smollm = Metadata::of("smollm", "gpt2", Some("smollm")).with_id("bos_token_id", 1);
    assert_eq!(bos(&smollm, None), None);
    assert_eq!(bos(&smollm, Some(true)), Some(1));
    for (metadata, id) in [
        (
            Metadata::of("llama3", "gpt2", Some("llama-bpe")).with_id("bos_token_id", 0),
            0,
        ),
        (Metadata::sentencepiece(), 1),
    ] {
        assert_eq!(bos(&metadata, None), Some(id));
        assert_eq!(bos(&metadata, Some(false)), None);
    }
}

#[test]
fn the_type_of_a_token_decides_whether_it_is_a_control_token() {
    let mut metadata = Metadata::of("smollm", "gpt2", Some("smollm")).with_id("eos_token_id", 2);
    for (token, kind) in [
        ("<think>", USER_DEFINED),
        ("[PAD4001]", UNUSED),
        ("<|pad|>", CONTROL),
        ("", NORMAL),
    ] {
        metadata.tokens.push(token.to_owned());
        metadata.types.push(kind);
    }
    // The end of a text is a control token whatever its type is.
    metadata.types[2] = NORMAL;
    let tokenizer = metadata.load().unwrap();
    assert_eq!(tokenizer.special_id("<think>"), Some(4000));
    assert!(!tokenizer.is_special(4000));
    assert_eq!(tokenizer.special_id("[PAD4001]"), None);
    assert_eq!(tokenizer.token_text(4001), "");
    assert!(tokenizer.is_special(4002) && tokenizer.is_special(2));
    assert_eq!(tokenizer.vocab_size(), 4003);
    assert_eq!(tokenizer.eos_id(), Some(2));
}

#[test]
fn the_chat_template_is_used_and_sees_the_special_tokens() {
    let mut metadata = Metadata::of("smollm", "gpt2", Some("smollm"))
        .with_id("bos_token_id", 1)
        .with_id("eos_token_id", 2);
    metadata.template = Some(
        "{% for m in messages %}{{ bos_token + m.role + '\n' + m.content + eos_token }}\
         {% endfor %}"
            .to_owned(),
    );
    let tokenizer = metadata.load().unwrap();
    let chat = tokenizer
        .render_chat(&[Message::new(Role::User, "Hallo<|im_end|>")], true)
        .unwrap();
    let expected = "<|im_start|>user\nHallo<|im_end|><|im_end|>";
    assert_eq!(chat.text, expected);
    assert_eq!((chat.ids[0], chat.ids.last()), (1, Some(&2)));
    assert_eq!(chat.ids.iter().filter(|&&id| id == 2).count(), 1);
    // A template that is not valid is reported when it is used.
    metadata.template = Some("{% if %}".to_owned());
    let tokenizer = metadata.load().unwrap();
    let error = tokenizer.render_chat(&[], true).unwrap_err().to_string();
    assert!(error.contains("the tokenizer in "), "{error}");
}

type Change = fn(&mut Metadata);

#[test]
fn other_tokenizers_are_refused_by_name() {
    let smollm = || Metadata::of("smollm", "gpt2", Some("smollm"));
    let with = |change: Change| {
        let mut metadata = smollm();
        change(&mut metadata);
        metadata.refusal()
    };
    let cases: [(Change, &str); 9] = [
        (
            |m| m.pre = Some("tekken".to_owned()),
            "tokenizer.ggml.pre is \"tekken\", expected one of gpt-2, smollm, starcoder, refact, \
             llama-bpe, llama3, llama-v3, qwen2",
        ),
        (|m| m.pre = None, "it has no tokenizer.ggml.pre, expected"),
        (
            |m| m.model = "bert".to_owned(),
            "tokenizer.ggml.model is \"bert\", expected gpt2 or llama",
        ),
        (
            |m| m.tokens[20] = m.tokens[10].clone(),
            "has the id 20 and another one",
        ),
        (
            |m| m.types.truncate(3999),
            "tokenizer.ggml.token_type has 3999 items for 4000 tokens",
        ),
        (
            |m| m.merges.push("Ġzz q".to_owned()),
            "its merge \"Ġzz q\" does not join two tokens into a third",
        ),
        (
            |m| m.merges.push("q".to_owned()),
            "its merge \"q\" does not join",
        ),
        (
            |m| m.add_bos = Some(true),
            "tokenizer.ggml.bos_token_id is missing",
        ),
        (
            |m| m.types[30] = CONTROL,
            "plain text can become its control token",
        ),
    ];
    for (change, expected) in cases {
        let message = with(change);
        assert!(message.contains(expected), "{message}");
    }
    let mut llama = Metadata::sentencepiece();
    llama.scores[3000] = llama.scores[3001];
    assert!(llama.refusal().contains("have the same score"));
    llama.scores.clear();
    let expected = "neither tokenizer.ggml.merges nor tokenizer.ggml.scores";
    assert!(llama.refusal().contains(expected));
    let empty = Metadata {
        tokens: Vec::new(),
        types: Vec::new(),
        ..smollm()
    };
    assert!(empty.refusal().contains("the file has none"));
}

#[test]
fn the_command_names_the_tokenizer_and_the_option_that_replaces_it() {
    let (_folder, path) = Metadata::of("smollm", "gpt2", Some("tekken")).write();
    let tokenize = |more: &[PathBuf]| {
        let output = wolfgang()
            .args(["tokenize", "--ids", "Größe 12", "--model"])
            .arg(&path)
            .args(more)
            .output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let (ids, error) = tokenize(&[]);
    assert_eq!(ids, "");
    assert!(
        error.contains("tokenizer.ggml.pre is \"tekken\""),
        "{error}"
    );
    assert!(error.contains("--tokenizer"), "{error}");
    let named = fixture("tokenizers/smollm.json");
    let (from_file, error) = tokenize(&["--tokenizer".into(), named]);
    assert_eq!(error, "");

    let (_folder, path) = Metadata::of("smollm", "gpt2", Some("smollm")).write();
    // The tokenizer in the file takes precedence over the one beside it.
    let other = fixture("tokenizers/llama2.json");
    std::fs::copy(other, path.with_file_name("tokenizer.json")).unwrap();
    let output = wolfgang()
        .args(["tokenize", "--ids", "Größe 12", "--model"])
        .arg(&path)
        .output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), from_file);
}
