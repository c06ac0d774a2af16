//! `wolfgang chat` with input that other programs write, or that is no text.

use crate::command::chat::{conversation, goethe, say};
use crate::fixtures::{with_input, wolfgang};
use serde_json::{Value as Json, json};
use std::process::Output;
use wolfgang_generate::{Message, Role};

const ARGS: [&str; 4] = ["--seed", "3", "--max-new-tokens", "10"];

fn chat(args: &[&str], lines: &[u8]) -> Output {
    with_input(wolfgang().arg("chat").args(ARGS).args(args), lines)
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_line_that_is_not_utf8_is_refused_and_the_next_is_answered() {
    let answer = say(&mut conversation(), "Wer bist du?", &goethe(3, 10));
    for bad in [
        &b"sch\xf6n"[..],
        b"\xff",
        b"gut\xc3",
        b"eins \\\nzw\xf6lf\\\nelf",
    ] {
        let lines = [bad, b"\nWer bist du?\n"].concat();
        let output = chat(&[], &lines);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{answer}\n")
        );
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.contains("of standard input is not UTF-8 text"),
            "{said}"
        );
        // A program that does not read standard error learns of it all the same.
        assert_eq!(output.status.code(), Some(2));
    }
    let german = chat(&["--lang", "de"], b"\xff\n");
    assert!(stderr(&german).starts_with("Fehler: die Zeile 1 der Standardeingabe"));
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_no_part_of_it() {
    let plain = chat(&[], "Wer bist du?\n".as_bytes());
    let marked = chat(&[], "\u{feff}Wer bist du?\n".as_bytes());
    assert_eq!(marked.status.code(), Some(0));
    assert_eq!(marked, plain);
}

#[test]
fn message_lists_of_other_programs_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.json");
    let name = path.to_str().unwrap();
    let answer_to = |system: Option<&str>| {
        let mut expected = conversation();
        if let Some(system) = system {
            expected.set_system(system);
        }
        expected.set_messages(vec![
            Message::new(Role::User, "Wer bist du?"),
            Message::new(Role::Assistant, "Ich bin's."),
        ]);
        say(&mut expected, "Warum?", &goethe(3, 10)) + "\n"
    };
    let said = [
        json!({"role": "user", "content": "Wer bist du?"}),
        json!({"role": "assistant", "content": "Ich bin's.", "refusal": null}),
    ];
    let parts = json!([{"type": "text", "text": "Wer bist "}, {"type": "text", "text": "du?"}]);
    let system = json!({"role": "system", "content": "Du bist Faust."});
    let cases: [(Json, Option<&str>); 5] = [
        (json!(said), None),
        (json!({"messages": said}), None),
        (json!([{"role": "user", "content": parts}, said[1]]), None),
        (json!([system, said[0], said[1]]), Some("Du bist Faust.")),
        (json!({"system": "", "messages": said}), Some("")),
    ];
    for (json, system) in cases {
        std::fs::write(&path, json.to_string()).unwrap();
        let loaded = chat(&["--load", name], b"Warum?\n");
        assert_eq!(stderr(&loaded), "", "{json}");
        assert_eq!(
            String::from_utf8(loaded.stdout).unwrap(),
            answer_to(system),
            "{json}"
        );
        let lines = format!("/load {name}\nWarum?\n");
        let loaded = chat(&[], lines.as_bytes());
        assert_eq!(
            String::from_utf8(loaded.stdout).unwrap(),
            answer_to(system),
            "{json}"
        );
    }

    std::fs::write(
        &path,
        json!([system, said[0], {"role": "tool", "content": ""}]).to_string(),
    )
    .unwrap();
    for (language, expected) in [
        (
            "en",
            "the role of message 3 is \"tool\", but it must be `user` or `assistant`",
        ),
        (
            "de",
            "die Rolle von Nachricht 3 ist \"tool\", aber sie muss `user` oder `assistant` sein",
        ),
    ] {
        let refused = chat(&["--load", name, "--lang", language], b"");
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
}

/// What `/save` would lose stays.
#[test]
fn save_does_not_replace_a_message_list_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.json");
    for list in [
        json!([{"role": "user", "content": "Wer?", "name": "a"}]),
        json!({"messages": [{"role": "user", "content": "Wer?", "name": "a"}]}),
        json!({"messages": [{"role": "system", "content": "Kurz!"}]}),
    ] {
        let list = list.to_string();
        std::fs::write(&path, &list).unwrap();
        let output = chat(&[], format!("/save {}\n", path.display()).as_bytes());
        assert!(stderr(&output).contains("refusing to replace it"), "{list}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), list);
    }
}

#[test]
fn a_tilde_in_a_command_is_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let mut command = wolfgang();
    command.arg("chat").args(ARGS).env("HOME", home.path());
    command.current_dir(home.path().parent().unwrap());
    let lines = b"Wer?\n/save ~/talk.json\n/load ~/talk.json\n";
    let output = with_input(&mut command, lines);
    assert_eq!(stderr(&output), "[2 messages saved]\n[2 messages loaded]\n");
    assert!(home.path().join("talk.json").is_file());
}

#[test]
fn an_error_of_saving_names_the_file_and_no_temporary_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/talk.json");
    let output = chat(&[], format!("/save {}\n", path.display()).as_bytes());
    assert_eq!(
        stderr(&output),
        format!(
            "error: failed to write {}: No such file or directory (os error 2)\n",
            path.display()
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn minus_one_in_seed_draws_one() {
    let output = chat(&["--json"], b"/seed -1\nWer?\nWer?\n");
    let stdout = std::str::from_utf8(&output.stdout).unwrap();
    let lines = stdout
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let seeds: Vec<u64> = lines.filter_map(|line| line["seed"].as_u64()).collect();
    assert_eq!(seeds.len(), 2);
    assert_ne!(seeds[0], seeds[1]);
    assert!(seeds.iter().all(|seed| *seed < 1 << 53), "{seeds:?}");
}

#[test]
fn a_request_of_openai_is_loaded_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.json");
    let name = path.to_str().unwrap();
    let messages = json!([
        {"role": "user", "content": "Wer bist du?"},
        {"role": "assistant", "content": "Ich bin's."},
    ]);
    std::fs::write(&path, json!({"messages": messages}).to_string()).unwrap();
    let expected = chat(&["--load", name], "Warum?\n".as_bytes());
    let request = json!({"model": "gpt", "messages": messages, "temperature": 0.2}).to_string();
    std::fs::write(&path, &request).unwrap();
    let loaded = chat(&["--load", name], "Warum?\n".as_bytes());
    assert_eq!(loaded.status.code(), Some(0), "{}", stderr(&loaded));
    assert_eq!(loaded.stdout, expected.stdout);
    let saved = chat(&[], format!("/save {name}\n").as_bytes());
    assert!(
        stderr(&saved).contains("refusing to replace it"),
        "{}",
        stderr(&saved)
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), request);
}

#[test]
fn json_lines_are_refused_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.jsonl");
    let name = path.to_str().unwrap();
    let message = json!({"role": "user", "content": "Wer?"});
    for line in [message.clone(), json!({"messages": [message]})] {
        std::fs::write(&path, format!("{line}\n{line}\n")).unwrap();
        let output = chat(&["--load", name], b"");
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(
            said.contains("is JSON Lines, but a conversation is one JSON value"),
            "{said}"
        );
        let german = chat(&["--load", name, "--lang", "de"], b"");
        assert!(
            stderr(&german).contains("enthält JSON Lines"),
            "{}",
            stderr(&german)
        );
    }
}
