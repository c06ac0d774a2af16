//! Tokenizers of the model families: ids and texts are those of the `tokenizers` library, except
//! that text never becomes a control token.

use crate::fixtures::{fixture, json, wolfgang};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use wolfgang_tokenize::{SpecialTokens, Tokenizer};

const FAMILIES: [&str; 5] = ["gpt2", "smollm", "llama3", "qwen", "llama2"];

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    ids_with_special_tokens_added: Vec<u32>,
    decoded: String,
}

fn cases(family: &str) -> Vec<Case> {
    let cases: Vec<Case> = json(&format!("tokenizers/{family}.cases.json"));
    assert_eq!(cases.len(), 82);
    cases
}

fn file(family: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("tokenizers/{family}.json"))).unwrap()
}

/// A tokenizer, and the library's of the same file.
struct Pair {
    ours: Tokenizer,
    theirs: tokenizers::Tokenizer,
    control: Vec<u32>,
}

impl Pair {
    fn new(file: &[u8]) -> Self {
        let ours = Tokenizer::from_bytes(file).unwrap();
        let mut theirs = tokenizers::Tokenizer::from_bytes(file).unwrap();
        theirs.set_encode_special_tokens(false);
        let control = ours.control_tokens().map(|(_, id)| id).collect();
        Self {
            ours,
            theirs,
            control,
        }
    }

    fn holds_control_token(&self, text: &str) -> bool {
        let mut control = self.ours.control_tokens();
        control.any(|(token, _)| text.contains(token))
    }

    /// Compares encoding of `text`, and decoding of the ids, with the library.
    fn compare_text(&self, text: &str) {
        let theirs = self.theirs.encode_fast(text, false).unwrap();
        let with_special = self.ours.encode_with_special(text).unwrap();
        assert_eq!(with_special, theirs.get_ids(), "{text:?}");
        let ids = self.ours.encode(text).unwrap();
        if !self.holds_control_token(text) {
            assert_eq!(ids, theirs.get_ids(), "{text:?}");
        }
        let control = ids.iter().find(|id| self.control.contains(id));
        assert_eq!(control, None, "{text:?} became a control token");
        self.compare_ids(&ids);
        self.compare_ids(&with_special);
    }

    /// Compares decoding, whole and streamed, with the library.
    fn compare_ids(&self, ids: &[u32]) {
        for special in [SpecialTokens::Skip, SpecialTokens::Keep] {
            let skip = special == SpecialTokens::Skip;
            let expected = self.theirs.decode(ids, skip).unwrap();
            assert_eq!(self.ours.decode(ids, special), expected, "{ids:?}");
            let mut stream = self.ours.decode_stream(special);
            let mut pieces: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
            pieces += &stream.finish();
            assert_eq!(pieces, expected, "{ids:?}");
        }
    }
}

#[test]
fn ids_and_texts_of_every_family_are_those_of_the_library() {
    for family in FAMILIES {
        let pair = Pair::new(&file(family));
        for case in cases(family) {
            let (text, ours) = (&case.text, &pair.ours);
            assert_eq!(
                ours.encode_with_special(text).unwrap(),
                case.ids,
                "{text:?}"
            );
            let decoded = ours.decode(&case.ids, SpecialTokens::Skip);
            assert_eq!(decoded, case.decoded, "{text:?}");
            if !pair.holds_control_token(text) {
                assert_eq!(ours.encode(text).unwrap(), case.ids, "{text:?}");
                let prompt = ours.encode_prompt(text).unwrap();
                assert_eq!(prompt, case.ids_with_special_tokens_added, "{text:?}");
            }
            pair.compare_text(text);
        }
    }
}

#[test]
fn control_tokens_in_a_text_are_encoded_and_decoded_as_text_in_every_family() {
    for family in FAMILIES {
        let Pair { ours, control, .. } = Pair::new(&file(family));
        let tokens: Vec<&str> = ours.control_tokens().map(|(text, _)| text).collect();
        let text = format!("a{}b {} c", tokens.concat(), tokens.join(" "));
        let ids = ours.encode(&text).unwrap();
        assert!(ids.iter().all(|id| !control.contains(id)), "{family}");
        assert_eq!(ours.decode(&ids, SpecialTokens::Skip), text, "{family}");
    }
}

/// As the `<think>` of Qwen3.
#[test]
fn added_tokens_that_are_not_special_are_control_tokens_that_decoding_shows() {
    for family in FAMILIES {
        let mut json: Json = serde_json::from_slice(&file(family)).unwrap();
        let think = json!({"id": 4000, "content": "<think>", "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false, "special": false});
        json["added_tokens"].as_array_mut().unwrap().push(think);
        let pair = Pair::new(&serde_json::to_vec(&json).unwrap());
        assert_eq!(pair.ours.special_id("<think>"), Some(4000));
        let text = "<think>Ja.</think>";
        pair.compare_text(text);
        let ids = pair.ours.encode_with_special(text).unwrap();
        assert_eq!(ids[0], 4000, "{family}");
        let shown = pair.ours.decode(&ids, SpecialTokens::Skip);
        assert!(shown.starts_with("<think>"), "{family}: {shown}");
    }
}

/// Texts of the kinds of characters that the pre-tokenizers distinguish.
fn texts() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        "[a-zA-ZäöüßÄÖÜ]{1,8}",
        " [a-z]{1,8}",
        "[0-9²½٣]{1,5}",
        "[ \t\u{a0}\u{3000}]{1,4}",
        "[\r\n]{1,3}",
        "[.,;:!?„“–'’]{1,3}",
        "'(s|t|re|ve|m|ll|d|S|RE)",
        "[🦉👍🏽日本\u{200d}\u{fe0f}]{1,3}",
        "[aeou][\u{301}\u{308}\u{323}]{1,2}",
        "<(s|/s|unk|think|0x41|0x0A|\\|im_start\\||\\|endoftext\\||\\|begin_of_text\\|)>",
        "[▁Ġ\0\u{feff}\u{fffd}]{1,2}",
        any::<String>(),
    ];
    proptest::collection::vec(fragment, 0..10).prop_map(|fragments| fragments.concat())
}

#[test]
fn ten_thousand_random_texts_are_encoded_and_decoded_as_in_the_library() {
    let mut runner = runner(10_000 / FAMILIES.len() as u32);
    for family in FAMILIES {
        let pair = Pair::new(&file(family));
        runner
            .run(&texts(), |text| {
                pair.compare_text(&text);
                Ok(())
            })
            .unwrap();
    }
}

/// Most sequences are not UTF-8 together, and many ids are outside the vocabulary.
#[test]
fn random_ids_are_decoded_whole_and_streamed_as_in_the_library() {
    let mut runner = runner(500);
    let id = prop_oneof![0u32..4100, 0u32..300];
    let ids = proptest::collection::vec(id, 0..40);
    for family in FAMILIES {
        let pair = Pair::new(&file(family));
        runner
            .run(&ids, |ids| {
                pair.compare_ids(&ids);
                Ok(())
            })
            .unwrap();
    }
}

/// The offset of each id in the text after `prompt`.
fn offsets(tokenizer: &Tokenizer, prompt: &[u32], ids: &[u32]) -> Vec<usize> {
    let mut stream = tokenizer.text_offsets_after(prompt, SpecialTokens::Skip);
    let mut found = Vec::new();
    for id in ids {
        found.extend(stream.push(*id));
    }
    found.extend(stream.finish());
    found
}

/// An id begins after the text of the ids before it, unless it completes a character of these.
#[test]
fn ids_begin_at_the_character_of_their_first_byte() {
    let mut runner = runner(300);
    let ids = proptest::collection::vec(prop_oneof![0u32..4000, 0u32..300], 0..30);
    for family in FAMILIES {
        let Pair { ours, .. } = Pair::new(&file(family));
        let is_byte_level = family != "llama2";
        let check = |ids: Vec<u32>| {
            let whole = ours.decode(&ids, SpecialTokens::Skip);
            let found = offsets(&ours, &[], &ids);
            prop_assert_eq!(found.len(), ids.len());
            prop_assert!(found.is_sorted());
            for (at, id) in ids.iter().enumerate() {
                let (before, after) = ids.split_at(at);
                let mut stream = ours.decode_stream_after(before, SpecialTokens::Skip);
                let mut rest: String = after.iter().map(|&id| stream.push(id).to_owned()).collect();
                rest += &stream.finish();
                let before = ours.decode(before, SpecialTokens::Skip);
                let is_hidden = ours.is_special(*id) || ours.token_bytes(*id).is_none();
                let n = before.chars().count();
                if format!("{before}{rest}") == whole {
                    prop_assert!(found[at] == n || is_hidden && found[at] <= n);
                } else if is_byte_level {
                    prop_assert_eq!(found[at], n - 1);
                }
            }
            Ok(())
        };
        runner.run(&ids, check).unwrap();
    }
}

#[test]
fn byte_tokens_begin_at_the_characters_that_they_make_together() {
    let tokenizer = Tokenizer::from_bytes(&file("llama2")).unwrap();
    let byte = |byte: u8| u32::from(byte) + 3;
    let [space, letter, special] = [byte(b' '), 302, 1];
    assert_eq!(tokenizer.token_text(letter), "a");
    let [first, second] = [byte(0xC3), byte(0xA4)];
    for (ids, text, expected) in [
        (
            &[letter, first, second, letter][..],
            "aäa",
            &[0, 1, 1, 2][..],
        ),
        (
            &[first, letter, second, letter],
            "\u{fffd}a\u{fffd}a",
            &[0, 1, 2, 3],
        ),
        (
            &[first, byte(b'A'), letter],
            "\u{fffd}\u{fffd}a",
            &[0, 1, 2],
        ),
        // The first space is dropped.
        (&[space, first, second], "ä", &[0, 0, 0]),
        (&[special, space, letter], "a", &[0, 0, 0]),
        (&[first, special, second, special], "ä", &[0, 0, 0, 1]),
    ] {
        assert_eq!(tokenizer.decode(ids, SpecialTokens::Skip), text);
        assert_eq!(offsets(&tokenizer, &[], ids), expected, "{text:?}");
    }
    // After a text, a space is part of it.
    assert_eq!(offsets(&tokenizer, &[letter], &[space, letter]), [0, 1]);
}

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(ProptestConfig::with_cases(cases), rng)
}

#[test]
fn a_stream_after_a_prompt_continues_its_text_exactly() {
    for family in FAMILIES {
        let Pair { ours, .. } = Pair::new(&file(family));
        let ids = ours
            .encode_prompt("Wer reitet so spät durch Nacht?")
            .unwrap();
        let whole = ours.decode(&ids, SpecialTokens::Skip);
        for cut in 0..ids.len() {
            let (prompt, rest) = ids.split_at(cut);
            let mut stream = ours.decode_stream_after(prompt, SpecialTokens::Skip);
            let mut text: String = rest.iter().map(|&id| stream.push(id).to_owned()).collect();
            text += &stream.finish();
            let prompt = ours.decode(prompt, SpecialTokens::Skip);
            assert_eq!(prompt + &text, whole, "{family}, cut at {cut}");
        }
    }
}

#[test]
fn the_command_prints_the_tokens_of_every_family() {
    for family in FAMILIES {
        let output = wolfgang()
            .args(["tokenize", "Größe 12", "--json", "--tokenizer"])
            .arg(fixture(&format!("tokenizers/{family}.json")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{family}: {output:?}");
        let found: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["missing"], json!([]), "{family}");
        let tokens = found["tokens"].as_array().unwrap();
        let bytes = tokens
            .iter()
            .flat_map(|token| token["bytes"].as_array().unwrap());
        let bytes = bytes.map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap());
        let text = String::from_utf8(bytes.collect()).unwrap();
        assert_eq!(text.trim_start(), "Größe 12", "{family}");
    }
}
