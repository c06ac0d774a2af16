//! Text and files as other programs, shells and systems write them.

use crate::command::generate::{PROMPT, generate, run};
use crate::fixtures::{fixture, repository, with_input, wolfgang};
use serde_json::Value as Json;
use std::path::Path;
use std::process::Output;

pub(crate) const SHORT: [&str; 4] = ["--seed", "1", "--max-new-tokens", "5"];

#[track_caller]
pub(crate) fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

pub(crate) fn json(output: &Output) -> Json {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// With these bytes on standard input.
fn piped(args: &[&str], input: &[u8]) -> Output {
    with_input(wolfgang().args(args), input)
}

#[test]
fn a_byte_order_mark_in_the_configuration_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "\u{feff}[length]\nmax-new-tokens = 2\n").unwrap();
    let mut command = generate(&[PROMPT, "--json", "--no-stream"]);
    let output = command.env("WOLFGANG_CONFIG", &config).output().unwrap();
    assert_eq!(json(&output)["generated_tokens"], 2);
}

#[test]
fn piped_text_is_read_without_a_dash_argument() {
    let output = |command: &str, input: &[u8], more: &[&str]| {
        let options: &[&str] = match command {
            "generate" | "explain" => &SHORT,
            _ => &["--json"],
        };
        stdout(&piped(&[&[command], options, more].concat(), input))
    };
    for command in ["generate", "explain", "score", "tokenize"] {
        let expected = output(command, b"", &[PROMPT]);
        let line = format!("{PROMPT}\n");
        assert_eq!(output(command, line.as_bytes(), &[]), expected, "{command}");
        assert_eq!(
            output(command, line.as_bytes(), &["-"]),
            expected,
            "{command}"
        );
        // What is named counts.
        assert_eq!(
            output(command, b"Etwas anderes", &[PROMPT]),
            expected,
            "{command}"
        );
    }
    let ids = stdout(&piped(&["generate", "--prompt-ids", "200"], b"Wer"));
    assert!(!ids.is_empty());
    // Nothing is a new document, or nothing to score.
    assert!(!output("generate", b"", &[]).is_empty());
    for command in ["score", "tokenize"] {
        let output = piped(&[command], b"");
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(
            stderr(&output)
                .starts_with("error: a text is required: pass it as an argument, pipe it in")
        );
    }
    assert_eq!(
        output("tokenize", b"", &["-"]),
        "{\"tokens\":[],\"missing\":[]}\n"
    );
}

#[test]
fn a_text_may_begin_with_a_dash() {
    let expected = |text: &str| {
        let args = [&["generate", "--include-prompt"], &SHORT[..], &["-"]].concat();
        stdout(&piped(&args, text.as_bytes()))
    };
    for text in [
        "- Faust",
        "-- Faust",
        "---",
        "-5 Grad",
        "-Wer reitet so spät",
        "-hallo du",
        "-, nein",
    ] {
        let before = run(&[&[text, "--include-prompt"], &SHORT[..]].concat());
        assert_eq!(stdout(&before), expected(text), "{text}");
        let behind = run(&[&SHORT[..], &["--include-prompt", text]].concat());
        assert_eq!(stdout(&behind), expected(text), "{text}");
        // All commands read texts with the same code; this one needs no model.
        let output = wolfgang()
            .args(["tokenize", text, "--json"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "tokenize {text}");
    }
    for command in ["explain", "score"] {
        let args = [command, "- Faust", "--json"];
        let output = wolfgang().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}");
    }
    let separated = run(&[&SHORT[..], &["--include-prompt", "--", "-Wer"]].concat());
    assert_eq!(stdout(&separated), expected("-Wer"));
    let stop = run(&[&[PROMPT, "--stop", "- Ende"], &SHORT[..]].concat());
    assert!(!stdout(&stop).is_empty());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    let [bom, plain] = ["cases/bom.txt", "cases/plain.txt"].map(fixture);
    let [bom_bytes, plain_bytes] = [&bom, &plain].map(|path| std::fs::read(path).unwrap());
    assert_ne!(bom_bytes, plain_bytes);
    let with_file = |command: &str, path: &Path| {
        let path = path.to_str().unwrap();
        stdout(
            &wolfgang()
                .args([command, "--json", "--file", path])
                .output()
                .unwrap(),
        )
    };
    for command in ["score", "tokenize"] {
        assert_eq!(
            with_file(command, &bom),
            with_file(command, &plain),
            "{command}"
        );
    }
    for args in [
        &[&["generate", "-"], &SHORT[..]].concat()[..],
        &["tokenize"],
        &["score", "-"],
    ] {
        let [with, without] = [&bom_bytes, &plain_bytes].map(|bytes| stdout(&piped(args, bytes)));
        assert_eq!(with, without, "{args:?}");
    }
}

#[test]
fn utf16_is_named_and_line_breaks_of_windows_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.txt");
    let name = path.to_str().unwrap();
    for (mark, to_bytes) in [
        ([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ([0xfe, 0xff], u16::to_be_bytes),
    ] {
        let text: Vec<u8> = "Wer?".encode_utf16().flat_map(to_bytes).collect();
        std::fs::write(&path, [&mark[..], &text].concat()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let file = wolfgang().args(["score", "--file", name]).output().unwrap();
        for (output, origin) in [
            (file, name),
            (piped(&["generate", "-"], &bytes), "standard input"),
        ] {
            assert_eq!(output.status.code(), Some(2));
            let expected = format!("error: {origin} is UTF-16 text, but it must be UTF-8");
            assert!(
                stderr(&output).starts_with(&expected),
                "{}",
                stderr(&output)
            );
        }
    }
    std::fs::write(&path, "a\r\nb\r\n").unwrap();
    let output = wolfgang()
        .args(["tokenize", "--json", "--file", name])
        .output()
        .unwrap();
    // The vocabulary has no carriage return, so two missing bytes show that both were kept.
    let lacks = |at: usize| serde_json::json!({"at": at, "byte": 13, "character": "\r"});
    assert_eq!(
        json(&output)["missing"],
        serde_json::json!([lacks(1), lacks(4)])
    );
}

#[test]
fn errors_of_writing_name_the_target_and_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/target");
    let target = missing.to_str().unwrap();
    let model = repository("models/faust");
    let model = model.to_str().unwrap();
    for args in [
        &[&["explain", PROMPT, "--html", target], &SHORT[..]].concat()[..],
        &["convert", model, "--out", target],
    ] {
        let output = wolfgang().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(
            stderr(&output),
            format!("error: failed to write {target}: No such file or directory (os error 2)\n"),
        );
    }
}

#[test]
fn utf32_text_is_not_called_utf16() {
    for mark in [&b"\xff\xfe\0\0W\0\0\0"[..], b"\0\0\xfe\xff\0\0\0W"] {
        let output = piped(&["score", "-"], mark);
        assert!(
            stderr(&output).starts_with("error: standard input is UTF-32 text"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn utf16_json_files_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let utf16 = |text: &str| -> Vec<u8> {
        let text = format!("\u{feff}{text}");
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let path = folder.path().join("config.json");
    std::fs::write(&path, utf16("{}")).unwrap();
    let inspect = || {
        wolfgang()
            .arg("inspect")
            .arg(folder.path())
            .output()
            .unwrap()
    };
    assert!(
        stderr(&inspect()).contains("it is UTF-16 text"),
        "{}",
        stderr(&inspect())
    );
    std::fs::write(&path, "[]").unwrap();
    assert!(
        stderr(&inspect()).contains("its config.json is [], expected an object"),
        "{}",
        stderr(&inspect())
    );
    let tokenizer = folder.path().join("tokenizer.json");
    std::fs::write(&tokenizer, utf16("{}")).unwrap();
    let output = wolfgang()
        .args(["tokenize", "Wer", "--tokenizer"])
        .arg(&tokenizer)
        .output()
        .unwrap();
    assert!(
        stderr(&output).contains("it is UTF-16 text"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_folder_without_config_names_the_checkpoints_in_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.pt"), "").unwrap();
    let output = wolfgang()
        .arg("inspect")
        .arg(folder.path())
        .output()
        .unwrap();
    let expected = "the folder has no config.json; name the file in it: a.pt";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn a_tokenizer_that_is_not_taken_along_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("m.pt");
    std::fs::copy(fixture("tiny/plain.pt"), &model).unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), "nonsense").unwrap();
    let output = wolfgang()
        .args(["convert".as_ref(), model.as_os_str(), "--out".as_ref()])
        .arg(folder.path().join("out"))
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(message.matches("tokenizer.json").count(), 2, "{message}");
    let expected = "tokenizer.json is not copied: it is not a valid tokenizer.json: ";
    assert!(message.contains(expected), "{message}");
}
