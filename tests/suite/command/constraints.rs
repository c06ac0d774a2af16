//! `--regex`, `--json-schema` and `--grammar`.

use crate::fixtures::wolfgang;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;

fn file(contents: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, contents).unwrap();
    (folder, path)
}

fn generate(args: &[&str]) -> Output {
    let mut command = wolfgang();
    command.args(["generate", "--seed", "3"]).args(args);
    command.output().unwrap()
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_text_matches_the_regular_expression() {
    let output = generate(&["--regex", "(ja|nein), [a-z]{3}!", "Ach"]);
    let text = text(&output);
    let rest = text.strip_prefix("ja, ").or(text.strip_prefix("nein, "));
    let rest = rest.unwrap().strip_suffix('!').unwrap();
    assert_eq!(rest.len(), 3);
}

#[test]
fn a_text_is_json_of_the_schema() {
    let schema = json!({"enum": ["a", 12, null, [true]]}).to_string();
    let (_folder, path) = file(&schema);
    let output = generate(&["--json-schema", path.to_str().unwrap(), "--json", "Ach"]);
    let last: Value = serde_json::from_str(text(&output).lines().last().unwrap()).unwrap();
    assert_eq!(last["reason"], "constraint_complete");
    assert_eq!(last["satisfies_constraint"], true);
    let value: Value = serde_json::from_str(last["text"].as_str().unwrap()).unwrap();
    assert!([json!("a"), json!(12), json!(null), json!([true])].contains(&value));
}

#[test]
fn a_text_is_of_the_grammar() {
    let (_folder, path) = file("start: \"Es \" (\"war\" | \"ist\") \".\"");
    let output = generate(&["--grammar", path.to_str().unwrap(), "Ach"]);
    assert!(["Es war.", "Es ist."].contains(&text(&output).as_str()));
}

#[test]
fn explain_shows_what_the_constraint_masked() {
    let mut command = wolfgang();
    command.args([
        "explain", "--seed", "3", "--regex", "[0-9]", "--json", "Ach",
    ]);
    let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let steps = report["tokens"][0]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["step"], "constraint");
    assert!(steps[0]["masked"].as_u64().unwrap() > 4000);
}

#[test]
fn what_cannot_be_used_is_an_error_before_the_text() {
    let (_folder, path) = file("{");
    let path = path.to_str().unwrap();
    for (args, code, message) in [
        (
            &["--regex", "a("][..],
            1,
            "the regular expression cannot be used: ",
        ),
        (&["--json-schema", path], 1, "is not JSON"),
        (&["--grammar", "absent"], 1, "failed to read absent"),
        (
            &["--regex", "a", "--grammar", "x"],
            2,
            "cannot be used with",
        ),
    ] {
        let output = generate(&[args, &["Ach"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(message), "{said}");
        assert!(output.stdout.is_empty());
    }
}
