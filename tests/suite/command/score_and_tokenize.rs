//! `wolfgang score` and `wolfgang tokenize`.

use crate::fixtures::{faust, with_input, wolfgang};
use serde_json::Value as Json;
use std::process::Output;
use wolfgang_generate::{ScoreOptions, ScoreWindows, SpecialTokens};

const LINE: &str = "Wer reitet so spät durch Nacht und Wind?";

fn run(args: &[&str]) -> Output {
    wolfgang().args(args).output().unwrap()
}

fn run_with(args: &[&str], input: &[u8]) -> Output {
    with_input(wolfgang().args(args), input)
}

fn text(output: Output) -> String {
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

fn json(output: Output) -> Json {
    serde_json::from_str(&text(output)).unwrap()
}

#[test]
fn score_equals_the_library_for_arguments_files_and_pipes() {
    let expected = faust().score(LINE).unwrap();
    let found = json(run(&["score", LINE, "--json"]));
    assert_eq!(found["perplexity"], expected.perplexity().unwrap());
    assert_eq!(found["mean_logprob"], expected.mean_logprob().unwrap());
    assert_eq!(found["represented"], true);
    let tokens = found["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), expected.ids.len());
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(token["id"], expected.ids[at]);
        let logprob = token["logprob"].as_f64().map(|x| x as f32);
        assert_eq!(logprob, expected.logprobs[at]);
    }
    let pieces: String = tokens
        .iter()
        .map(|t| t["token"].as_str().unwrap())
        .collect();
    assert_eq!(pieces, LINE);

    let line = format!("{LINE}\n");
    assert_eq!(
        json(run_with(&["score", "-", "--json"], line.as_bytes())),
        found
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line.txt");
    std::fs::write(&file, LINE).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(json(run(&["score", "--file", file, "--json"])), found);

    let told = text(run(&["score", LINE]));
    let last = format!(
        "perplexity {:.2}  ({} tokens)",
        expected.perplexity().unwrap(),
        tokens.len()
    );
    assert_eq!(told.lines().last(), Some(last.as_str()));
    assert_eq!(told.lines().count(), 1 + tokens.len() + 2);
}

#[test]
fn rolling_windows_score_the_first_token_too() {
    let options = ScoreOptions::default().with_windows(ScoreWindows::Rolling);
    let expected = faust().score_with(LINE, &options).unwrap();
    let found = json(run(&["score", LINE, "--rolling", "--json"]));
    let tokens = found["tokens"].as_array().unwrap();
    let logprobs = tokens.iter().map(|token| token["logprob"].as_f64());
    let logprobs: Vec<_> = logprobs.map(|logprob| logprob.map(|x| x as f32)).collect();
    assert_eq!(logprobs, expected.logprobs);
    assert!(logprobs[0].is_some());
    assert_eq!(found["perplexity"], expected.perplexity().unwrap());
}

#[test]
fn texts_that_cannot_be_scored_are_errors() {
    let cases: [(&[&str], i32, &str); 4] = [
        (&["score", ""], 2, "the text is empty"),
        (&["score"], 2, "required"),
        (
            &["score", "--file", "no/such/file"],
            1,
            "failed to read no/such/file",
        ),
        (&["score", "a", "--file", "b"], 2, "cannot be used with"),
    ];
    for (args, code, expected) in cases {
        let output = run(args);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    for command in ["score", "tokenize", "generate"] {
        let output = run_with(&[command, "-"], b"Gr\xfc\xdfe");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(
            message,
            "error: standard input is not UTF-8 text: the byte at offset 2 is not valid; save it as UTF-8 or convert \
             it, for example with iconv -f ISO-8859-1 -t UTF-8\n"
        );
    }
    let one = json(run(&["score", "a", "--json"]));
    assert_eq!(
        (&one["perplexity"], &one["tokens"][0]["logprob"]),
        (&Json::Null, &Json::Null)
    );
}

#[test]
fn ids_decode_to_the_text_that_was_encoded() {
    let ids = faust().tokenizer().encode(LINE).unwrap();
    let list: Vec<String> = ids.iter().map(u32::to_string).collect();
    let list = list.join(",");
    assert_eq!(text(run(&["tokenize", "--ids", LINE])), format!("{list}\n"));
    assert_eq!(
        text(run(&["tokenize", "--decode", &list])),
        format!("{LINE}\n")
    );
    let found = json(run(&["tokenize", "--json", LINE]));
    assert_eq!(found["missing"], Json::Array(vec![]));
    let tokens = found["tokens"].as_array().unwrap();
    for (token, id) in tokens.iter().zip(&ids) {
        assert_eq!(token["id"], *id);
        assert_eq!(
            token["text"],
            faust().tokenizer().decode(&[*id], SpecialTokens::Keep)
        );
    }
    let plain = text(run(&["tokenize", "<|user|>"]));
    assert!(plain.lines().count() > 1, "{plain}");
    let special = text(run(&["tokenize", "--special", "<|user|>"]));
    let id = faust().tokenizer().special_id("<|user|>").unwrap();
    assert_eq!(special, format!("{id:>6}  \"<|user|>\"\n"));
    let unknown = run(&["tokenize", "--decode", "1,99999"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn bytes_missing_from_the_vocabulary_are_reported() {
    let output = run(&["tokenize", "--json", "3 €, a\u{308} 😀"]);
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    let found = json(output);
    let missing = found["missing"].as_array().unwrap();
    let text = "3 €, a\u{308} 😀";
    let mut kept = text.as_bytes().to_vec();
    for line in missing.iter().rev() {
        let byte = kept.remove(line["at"].as_u64().unwrap() as usize);
        assert_eq!(line["byte"], byte);
    }
    let tokens = found["tokens"].as_array().unwrap().iter();
    let bytes = tokens.flat_map(|token| token["bytes"].as_array().unwrap());
    let bytes: Vec<u8> = bytes.map(|byte| byte.as_u64().unwrap() as u8).collect();
    assert_eq!(bytes, kept, "what is not missing is there");
    assert!(missing.iter().any(|line| line["character"] == "€"));
    assert!(
        message.starts_with("warning: the vocabulary has no token for "),
        "{message}"
    );
    assert!(message.contains('€') && message.contains('😀'), "{message}");
}

#[test]
fn tokenize_renders_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.json");
    let messages =
        r#"[{"role": "system", "content": "Du"}, {"role": "user", "content": "Wer? <|user|>"}]"#;
    std::fs::write(&file, messages).unwrap();
    let file = file.to_str().unwrap();
    let expected = "<|system|>\nDu\n<|endoftext|><|user|>\nWer? <|user|>\n<|endoftext|>";
    let prompt = format!("{expected}<|assistant|>\n");
    assert_eq!(
        text(run(&["tokenize", "--chat", file])),
        format!("{prompt}\n")
    );
    let closed = run(&["tokenize", "--chat", file, "--no-generation-prompt"]);
    assert_eq!(text(closed), format!("{expected}\n"));
    let found = json(run(&["tokenize", "--chat", file, "--json"]));
    assert_eq!(found["text"], prompt);
    let user = faust().tokenizer().special_id("<|user|>").unwrap();
    let tokens = found["tokens"].as_array().unwrap();
    assert_eq!(tokens.iter().filter(|token| token["id"] == user).count(), 1);
}
