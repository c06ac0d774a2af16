//! `wolfgang chat` without a terminal: each line is a message.

use crate::fixtures::{faust, wolfgang};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use wolfgang_generate::{ContextOverflow, Conversation, GenerateOptions, SamplingParams};

/// What the model card has.
pub(crate) fn goethe(seed: u64, max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions::default()
        .with_max_new_tokens(max_new_tokens)
        .with_seed(seed)
        .with_context_overflow(ContextOverflow::Stop)
        .with_sampling(SamplingParams::goethe())
}

pub(crate) fn conversation() -> Conversation {
    let system = "Du bist Johann Wolfgang von Goethe.";
    faust().conversation(system).unwrap()
}

/// The answer, as it becomes part of the conversation.
pub(crate) fn say(
    conversation: &mut Conversation,
    text: &str,
    options: &GenerateOptions,
) -> String {
    let answer = conversation.send(text, options).unwrap();
    answer.into_summary().unwrap();
    conversation.messages().last().unwrap().content.clone()
}

fn chat(args: &[&str]) -> Command {
    let mut command = wolfgang();
    command.arg("chat").args(args);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn hear(args: &[&str], lines: &[u8]) -> Output {
    let mut child = chat(args).spawn().unwrap();
    // A command that ends early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(lines);
    child.wait_with_output().unwrap()
}

/// Standard output of a conversation that must succeed with these words on standard error.
#[track_caller]
fn heard(args: &[&str], lines: &str, said: &str) -> String {
    let output = hear(args, lines.as_bytes());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(args: &[&str], lines: &[u8], code: i32, said: &str) {
    let output = hear(args, lines);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    assert!(message.contains(said), "{message}");
}

#[test]
fn standard_output_has_only_replies() {
    let mut conversation = conversation();
    let options = goethe(3, 20);
    let first = say(&mut conversation, "Wer bist du?", &options);
    let second = say(&mut conversation, "Und\nwer bin ich?", &options);
    // Empty lines are no messages, and the last line need not end.
    let lines = "Wer bist du?\n\n  \r\nUnd\\\nwer bin ich?";
    let args = ["--seed", "3", "--max-new-tokens", "20"];
    let text = heard(&args, lines, "");
    assert_eq!(text, format!("{first}\n{second}\n"));
    assert_eq!(heard(&args, "", ""), "");
}

#[test]
fn defaults_are_those_of_the_model_card() {
    let mut conversation = conversation();
    let expected = say(&mut conversation, "Wer bist du?", &goethe(5, 200));
    let text = heard(&["--seed", "5"], "Wer bist du?\n", "");
    assert_eq!(text, expected + "\n");
}

#[test]
fn json_lines_have_text_and_finished_events() {
    let mut conversation = conversation();
    let options = goethe(3, 15);
    let mut expected = Vec::new();
    for said in ["Wer bist du?", "Warum?"] {
        let answer = conversation.send(said, &options).unwrap();
        expected.push(answer.into_summary().unwrap());
    }
    let args = ["--seed", "3", "--max-new-tokens", "15", "--json"];
    let text = heard(&args, "Wer bist du?\nWarum?\n", "");
    let lines: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let answers: Vec<&[Json]> = lines
        .split_inclusive(|line| line["type"] == "finished")
        .collect();
    assert_eq!(answers.len(), 2);
    for (answer, expected) in answers.iter().zip(expected) {
        let (finished, pieces) = answer.split_last().unwrap();
        let joined: String = pieces
            .iter()
            .map(|piece| piece["text"].as_str().unwrap())
            .collect();
        assert_eq!(joined, expected.text);
        assert_eq!(finished["text"], expected.text);
        assert_eq!(finished["reason"], expected.reason.as_str());
        assert_eq!(finished["seed"], 3);
        assert_eq!(finished["prompt_tokens"], expected.prompt_tokens);
        assert_eq!(finished["cached_tokens"], expected.cached_tokens);
        assert_eq!(finished["generated_tokens"], expected.generated_tokens);
        assert_eq!(finished["truncated_messages"], 0);
        assert!(finished["timing"]["decode_seconds"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn truncated_messages_are_reported() {
    let lines = "Wer reitet so spät durch Nacht und Wind?\n".repeat(4);
    let args = ["--seed", "1", "--max-new-tokens", "70"];
    for (language, expected) in [
        (
            "en",
            "[context full: the model no longer sees the first 2 messages",
        ),
        (
            "de",
            "[Kontext voll: die ersten 2 Nachrichten sieht das Modell nicht mehr",
        ),
    ] {
        let output = hear(
            &[&args[..], &["--lang", language]].concat(),
            lines.as_bytes(),
        );
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(0));
        let quiet = hear(&[&args[..], &["--quiet"]].concat(), lines.as_bytes());
        assert_eq!(quiet.stdout, output.stdout);
        assert!(quiet.stderr.is_empty());
    }
}

#[test]
fn commands_work_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talk.json");
    let file = file.to_str().unwrap();
    let args = ["--seed", "3", "--max-new-tokens", "10"];
    let mut conversation = conversation();
    let first = say(&mut conversation, "Wer bist du?", &goethe(3, 10));
    let lines = format!("Wer bist du?\n/save {file}\n/save {file}\n");
    let saved = "[2 messages saved]\n".repeat(2);
    assert_eq!(heard(&args, &lines, &saved), format!("{first}\n"));
    let record: Json = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let expected = serde_json::json!({
        "system": "Du bist Johann Wolfgang von Goethe.",
        "messages": [
            {"role": "user", "content": "Wer bist du?"},
            {"role": "assistant", "content": first},
        ],
    });
    assert_eq!(record, expected);
    // Nothing is left of how it was written.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);

    let second = say(&mut conversation, "Warum?", &goethe(3, 10));
    let loaded = heard(&[&args[..], &["--load", file]].concat(), "Warum?\n", "");
    assert_eq!(loaded, format!("{second}\n"));
    let lines = format!("Etwas anderes.\n/load {file}\nWarum?\n");
    let text = heard(&args, &lines, "[2 messages loaded]\n");
    assert!(text.ends_with(&format!("{second}\n")), "{text}");

    // A fixed seed counts up.
    let again = conversation.regenerate(&goethe(4, 10)).unwrap();
    again.into_summary().unwrap();
    let again = conversation.messages().last().unwrap().content.clone();
    let lines = format!("/load {file}\nWarum?\n/regenerate\n/quit\nWozu?\n");
    let text = heard(&args, &lines, "[2 messages loaded]\n");
    assert_eq!(text, format!("{second}\n{again}\n"));
}

#[test]
fn invalid_conversation_files_are_one_line_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let name = path.to_str().unwrap();
    let cases = [
        ("", "is not a saved conversation: EOF"),
        (
            "Ach!",
            "is not a saved conversation: expected value at line 1",
        ),
        (
            "{\"messages\": [{\"role\": \"us",
            "is not a saved conversation: EOF",
        ),
        (
            "{\"messages\": [{\"role\": \"tool\", \"content\": \"\"}]}",
            "is not a saved conversation: the role of message 1 is \"tool\", but it must be",
        ),
        (
            "{\"message\": [], \"more\": 1}",
            "expected a list of messages",
        ),
    ];
    for (contents, expected) in cases {
        std::fs::write(&path, contents).unwrap();
        refused(&["--load", name], b"", 2, expected);
        // What is something else is not replaced.
        refused(
            &[],
            format!("/save {name}\n").as_bytes(),
            2,
            "refusing to replace it",
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
    }
    let missing = folder.path().join("missing");
    refused(
        &["--load", missing.to_str().unwrap()],
        b"",
        1,
        "failed to read",
    );
    refused(
        &["--load", folder.path().to_str().unwrap()],
        b"",
        1,
        "failed to read",
    );
    #[cfg(unix)]
    refused(&["--load", "/dev/zero"], b"", 1, "it is not a regular file");
    let nowhere = Path::new(&missing).join("talk.json");
    let save = format!("/save {}\n", nowhere.display());
    refused(&[], save.as_bytes(), 1, "failed to write");
}

#[test]
fn invalid_input_is_a_one_line_error() {
    refused(
        &[],
        b"gut\xc3\nschlecht\n",
        2,
        "line 1 of standard input is not UTF-8 text",
    );
    let long = "Ach! ".repeat(2000);
    assert_eq!(long.len(), 10_000);
    refused(&[], long.as_bytes(), 2, "but the model's context has 256");
    refused(&[], b"/nichts\n", 2, "unknown command /nichts");
    refused(
        &["--lang", "de"],
        b"/nichts\n",
        2,
        "Fehler: unbekannter Befehl /nichts",
    );
    refused(&[], b"/regenerate\n", 2, "no user message to reply to");
    let german = ["--lang", "de"];
    refused(
        &german,
        b"/regenerate\n",
        2,
        "Fehler: das Gespräch hat noch keine Nachricht",
    );
    refused(&german, b"/seed x\n", 2, "Fehler: der Seed ist \"x\"");
    refused(
        &german,
        b"\xff",
        2,
        "Fehler: die Zeile 1 der Standardeingabe",
    );
    refused(
        &["--ignore-eos"],
        b"",
        2,
        "--ignore-eos has no effect in a chat",
    );
    refused(&["--temperature", "-1"], b"", 2, "temperature is -1");
}

#[test]
fn characters_missing_from_the_vocabulary_are_a_warning() {
    let args = ["--seed", "1", "--max-new-tokens", "3"];
    let said =
        "warning: the model's vocabulary lacks characters of the text, which were dropped: 🦀\n";
    let text = heard(&args, "Wie geht es dir, 🦀?\n", said);
    assert!(text.ends_with('\n'));
    // What is combined is as much a text as anything else.
    let output = hear(&args, "Grüße, a\u{308}u\u{308}!\n".as_bytes());
    assert_eq!(output.status.code(), Some(0));
}

/// As `… | wolfgang chat | head -c 5` does.
#[test]
fn a_closed_pipe_is_no_error() {
    for more in [&[][..], &["--json"]] {
        let mut child = chat(more).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let lines = "Wer reitet so spät?\n".repeat(50);
        stdin.write_all(lines.as_bytes()).unwrap();
        let mut some = [0; 5];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.lines().all(|line| line.starts_with("[context full")),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(0));
    }
}
