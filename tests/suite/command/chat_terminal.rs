//! `wolfgang chat` in a pseudo-terminal.

use crate::command::chat::{conversation, goethe, say};
use crate::command::terminal::Terminal;
use serde_json::Value as Json;
use std::path::Path;
use tempfile::TempDir;

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

/// A home folder of its own.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn chat_with(&self, args: &[&str], variables: &[(&str, &str)], columns: u16) -> Terminal {
        let home = self.path().to_str().unwrap();
        let own = [("HOME", home), ("XDG_STATE_HOME", home)];
        let args = [&["chat"], args].concat();
        Terminal::run(&args, &[&own[..], variables].concat(), columns)
    }

    fn chat(&self, args: &[&str]) -> Terminal {
        self.chat_with(args, &[], 200)
    }

    fn run(&self, args: &[&str]) -> Terminal {
        let home = self.path().to_str().unwrap();
        Terminal::run(args, &[("HOME", home)], 200)
    }
}

/// However its lines break.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn a_conversation() {
    let home = Home::new();
    let mut terminal = home.chat(&["--seed", "3", "--max-new-tokens", "20"]);
    let mut expected = conversation();
    terminal.wait_for("[/help lists the commands; Ctrl-D quits]");

    let first = say(&mut expected, "Wer bist du?", &goethe(3, 20));
    assert_eq!(words(&terminal.enter("Wer bist du?")), words(&first));
    let file = home.path().join("talk.json");
    let file = file.to_str().unwrap();
    assert_eq!(
        terminal.enter(&format!("/save {file}")),
        "[2 messages saved]"
    );

    let other = expected.regenerate(&goethe(4, 20)).unwrap();
    let other = other.into_summary().unwrap().text;
    assert_eq!(words(&terminal.enter("/regenerate")), words(&other));
    let stats = terminal.enter("/stats");
    assert!(
        stats.contains("reply 20 tokens") && stats.contains("seed 4"),
        "{stats}"
    );
    assert!(stats.contains("of 256"), "{stats}");

    assert_eq!(terminal.enter("/load missing").lines().count(), 1);
    assert_eq!(
        terminal.enter(&format!("/load {file}")),
        "[2 messages loaded]"
    );
    assert_eq!(terminal.enter("/seed 3"), "[seed 3]");
    expected = conversation();
    say(&mut expected, "Wer bist du?", &goethe(3, 20));
    let second = say(&mut expected, "Warum?", &goethe(3, 20));
    assert_eq!(words(&terminal.enter("Warum?")), words(&second));

    assert_eq!(terminal.enter("/reset"), "[new conversation]");
    assert_eq!(
        terminal.enter("/system Du bist Faust."),
        "[system: Du bist Faust.]"
    );
    expected.reset();
    expected.set_system("Du bist Faust.");
    let third = say(&mut expected, "Wer bist du?", &goethe(3, 20));
    assert_eq!(words(&terminal.enter("Wer bist du?")), words(&third));

    assert!(terminal.enter("/help").contains("/regenerate"));
    assert!(
        terminal
            .enter("/nichts")
            .contains("unknown command /nichts")
    );
    terminal.press("/quit\r");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn ctrl_c_ends_the_answer_and_not_the_program() {
    let home = Home::new();
    // Nothing else ends such an answer.
    let mut args = vec!["--max-new-tokens", "1000000", "--overflow", "slide"];
    for id in ["0", "2", "3", "4"] {
        args.extend(["--ban-token", id]);
    }
    let mut terminal = home.chat(&args);
    terminal.wait_for_prompt();
    terminal.press("Erzähle!");
    terminal.wait_for("> Erzähle!");
    let before = terminal.bytes().len();
    terminal.press("\r");
    terminal.wait_for_bytes(before + 100);
    terminal.press(CTRL_C);
    terminal.wait_for("[stopped]");
    terminal.wait_for_prompt();

    // At the prompt it clears the line, and twice it ends the program.
    terminal.press("abgelegt");
    terminal.wait_for("> abgelegt");
    terminal.press(CTRL_C);
    terminal.wait_for("[Ctrl-C again quits]");
    let stats = terminal.enter("/stats");
    assert!(stats.starts_with("[prompt "), "{stats}");
    terminal.press("weg");
    terminal.wait_for("> weg");
    let before = terminal.bytes().len();
    terminal.press(CTRL_C);
    terminal.wait_for_bytes(before + 1);
    terminal.wait_for_prompt();
    terminal.press(CTRL_C);
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn the_end_of_input_ends_it() {
    let home = Home::new();
    let mut terminal = home.chat_with(&[], &[("LANG", "de_DE.UTF-8")], 80);
    terminal.wait_for("[/help listet die Befehle; Ctrl-D beendet]");
    terminal.wait_for_prompt();
    terminal.press(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn words_are_not_broken_in_a_narrow_window() {
    const COLUMNS: u16 = 20;
    let home = Home::new();
    let args = ["--seed", "3", "--max-new-tokens", "60"];
    let mut terminal = home.chat_with(&args, &[], COLUMNS);
    let expected = say(&mut conversation(), "Wer?", &goethe(3, 60));
    terminal.wait_for_prompt();
    terminal.press("Wer?");
    terminal.wait_for("> Wer?");
    terminal.press("\r");
    terminal.wait_for_prompt();
    let rows = terminal.rows(COLUMNS);
    let begin = rows.iter().position(|row| row.trim() == "> Wer?").unwrap();
    let end = rows.iter().rposition(|row| row.trim() == ">").unwrap();
    let shown = rows[begin + 1..end].join("\n");
    assert_eq!(words(&shown), words(&expected));
    let is_long = |line: &str| line.chars().count() > usize::from(COLUMNS);
    assert!(expected.lines().any(is_long), "{expected}");
}

#[test]
fn colours_are_for_those_who_want_them() {
    let home = Home::new();
    let no_color = [("NO_COLOR", "1")];
    let cases = [
        ("auto", &[][..], true),
        ("auto", &no_color, false),
        ("never", &[], false),
        ("always", &no_color, true),
    ];
    for (when, variables, colored) in cases {
        let args = ["--max-new-tokens", "5", "--seed", "1", "--color", when];
        let mut terminal = home.chat_with(&args, variables, 80);
        terminal.enter("Wer bist du?");
        terminal.enter("/nichts");
        let bytes = String::from_utf8(terminal.bytes()).unwrap();
        // A control sequence that ends in m is a colour.
        let is_color = |sequence: &str| {
            let end = sequence.find(|c: char| !(c.is_ascii_digit() || c == ';'));
            end.is_some_and(|end| sequence[end..].starts_with('m'))
        };
        let found = bytes.split("\x1b[").skip(1).any(is_color);
        assert_eq!(found, colored, "{when} {variables:?}");
    }
}

#[test]
fn the_input_history_is_readable_only_by_its_owner() {
    let home = Home::new();
    let history = home.path().join("wolfgang/history");
    let args = ["--max-new-tokens", "3", "--seed", "1"];
    let mut secret = home.chat(&[&args[..], &["--no-history"]].concat());
    secret.enter("Ein Geheimnis");
    secret.press(CTRL_D);
    assert_eq!(secret.wait_for_end(), 0);
    assert!(!history.exists());

    let mut terminal = home.chat(&args);
    terminal.enter("Ein Satz zum Wiederholen");
    terminal.press(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&history), 0o600);
        assert_eq!(mode(history.parent().unwrap()), 0o700);
    }
    let mut later = home.chat(&args);
    later.wait_for_prompt();
    later.press(UP);
    later.wait_for("> Ein Satz zum Wiederholen");
}

/// What is sent is what was typed, character by character.
#[test]
fn every_text_can_be_typed() {
    let home = Home::new();
    let mut terminal = home.chat(&["--max-new-tokens", "3", "--seed", "1"]);
    let said = "Grüße, 🦀 und a\u{308}!";
    let answer = terminal.enter(said);
    assert!(answer.contains("vocabulary lacks characters"), "{answer}");

    terminal.press("eins \\\r");
    terminal.wait_for("> eins \\");
    terminal.press("zwei");
    terminal.wait_for("zwei");
    terminal.press("\r");
    terminal.wait_for_prompt();

    // Pasted, its lines are one message.
    terminal.press("\x1b[200~drei\nvier\x1b[201~");
    terminal.wait_for("vier");
    terminal.press("\r");
    terminal.wait_for_prompt();

    let file = home.path().join("talk.json");
    terminal.enter(&format!("/save {}", file.display()));
    let record: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let messages = record["messages"].as_array().unwrap();
    let users = messages.iter().filter(|message| message["role"] == "user");
    let contents: Vec<&str> = users
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(contents, [said, "eins \nzwei", "drei\nvier"]);
}

#[test]
fn a_line_of_ten_thousand_characters_is_refused_and_the_conversation_goes_on() {
    let home = Home::new();
    let mut terminal = home.chat_with(&["--max-new-tokens", "3"], &[], 80);
    terminal.wait_for_prompt();
    let long = "Ach! ".repeat(1999) + "Ende!";
    assert_eq!(long.len(), 10_000);
    terminal.press(&long);
    terminal.wait_for("Ende!");
    terminal.press("\r");
    terminal.wait_for("but the model's context has 256");
    terminal.wait_for_prompt();
    terminal.enter("/stats");
    terminal.wait_for("[no reply yet]");
    terminal.press(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
}

/// The user's messages, as the terminal's `/save` writes them.
fn user_messages(home: &Home, terminal: &mut Terminal) -> Vec<String> {
    let file = home.path().join("talk.json");
    terminal.enter(&format!("/save {}", file.display()));
    let record: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let messages = record["messages"].as_array().unwrap();
    let users = messages.iter().filter(|message| message["role"] == "user");
    users
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

/// As `tmux send-keys eins Enter zwei Enter drei Enter` sends them.
#[test]
fn lines_that_arrive_at_once_are_answered_one_by_one() {
    let home = Home::new();
    let mut terminal = home.chat(&["--max-new-tokens", "3", "--seed", "1", "--verbose"]);
    terminal.wait_for_prompt();
    terminal.press("eins\rzwei\rdrei\r");
    terminal.wait_for_count("[prompt ", 3);
    terminal.wait_for_prompt();
    assert_eq!(
        user_messages(&home, &mut terminal),
        ["eins", "zwei", "drei"]
    );
}

#[test]
fn many_lines_and_control_d_that_arrive_at_once_lose_nothing() {
    let home = Home::new();
    let file = home.path().join("talk.json");
    let mut terminal = home.chat(&["--max-new-tokens", "1", "--seed", "1"]);
    terminal.wait_for_prompt();
    // More than the reader's buffer, which has 1024 bytes.
    let long = "Ach! ".repeat(20);
    let lines: Vec<String> = (0..12).map(|n| format!("{n} {long}")).collect();
    terminal.press(&format!(
        "{}\r/save {}\r{CTRL_D}",
        lines.join("\r"),
        file.display()
    ));
    assert_eq!(terminal.wait_for_end(), 0);
    let record: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(record["messages"].as_array().unwrap().len(), 24);
}

/// The terminal's own line discipline takes what is typed meanwhile.
#[test]
fn lines_typed_during_an_answer_are_answered_after_it() {
    let home = Home::new();
    let mut args = vec!["--max-new-tokens", "60", "--seed", "1"];
    for id in ["0", "2", "3", "4"] {
        args.extend(["--ban-token", id]);
    }
    let mut terminal = home.chat(&args);
    terminal.wait_for_prompt();
    terminal.press("Erzähle!");
    terminal.wait_for("> Erzähle!");
    let before = terminal.bytes().len();
    terminal.press("\r");
    terminal.wait_for_bytes(before + 20);
    terminal.press("zwei\rdrei\r/stats\r");
    terminal.wait_for("[prompt ");
    terminal.wait_for_prompt();
    assert_eq!(
        user_messages(&home, &mut terminal),
        ["Erzähle!", "zwei", "drei"]
    );
}

#[test]
fn a_byte_that_is_not_utf8_refuses_the_line_and_the_conversation_goes_on() {
    let home = Home::new();
    let mut terminal = home.chat(&["--max-new-tokens", "3", "--seed", "1"]);
    terminal.wait_for_prompt();
    terminal.press_bytes(b"sch\xf6n\r");
    terminal.wait_for("error: the line is not UTF-8 text and was not sent");
    terminal.wait_for_prompt();
    terminal.enter("Wer?");
    assert_eq!(user_messages(&home, &mut terminal), ["Wer?"]);
    terminal.press(CTRL_D);
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn without_a_prompt_a_person_is_told_what_happens() {
    let home = Home::new();
    let terminal = home.run(&["generate", "--seed", "1", "--max-new-tokens", "3"]);
    terminal.wait_for("[no text: a new document begins]");
    assert_eq!(terminal.wait_for_end(), 0);
    for command in ["score", "tokenize"] {
        let terminal = home.run(&[command]);
        terminal
            .wait_for("error: a text is required: pass it as an argument, pipe it in, or name a file with --file");
        assert_eq!(terminal.wait_for_end(), 2);
    }
}
