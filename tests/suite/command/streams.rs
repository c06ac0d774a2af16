//! Standard streams that are closed or full, and Ctrl-C, as shells give them to the command.

use crate::command::generate::{PROMPT, run};
use crate::command::input::{SHORT, stderr, stdout};
use crate::fixtures::{repository, wolfgang};
use serde_json::Value as Json;
use std::process::{Command, Output, Stdio};

/// By a shell that redirects.
fn redirected(args: &[&str], redirection: &str) -> Output {
    let bare = wolfgang();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$@\" {redirection}"), "sh"]);
    shell.arg(bare.get_program()).args(args);
    for (name, value) in bare.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

fn commands() -> Vec<Vec<&'static str>> {
    let mut commands = vec![
        vec!["--help"],
        vec!["--version"],
        vec!["generate", "--help"],
        vec!["help", "score"],
        vec!["completions", "bash"],
        vec!["score", PROMPT],
        vec!["score", PROMPT, "--json"],
        vec!["tokenize", PROMPT],
        vec!["tokenize", "--decode", "17"],
        vec!["devices"],
    ];
    for more in [&[][..], &["--json"], &["--no-stream"], &["-n", "2"]] {
        commands.push([&["generate", PROMPT], &SHORT[..], more].concat());
    }
    commands.push([&["explain", PROMPT, "--json"], &SHORT[..]].concat());
    commands
}

#[test]
fn a_standard_output_that_cannot_be_written_is_an_error() {
    for (redirection, expected) in [
        (
            "> /dev/full",
            "error: failed to write to standard output: No space left on device (os error 28)\n",
        ),
        (
            ">&-",
            "error: failed to write to standard output: it is closed\n",
        ),
    ] {
        for args in commands() {
            let output = redirected(&args, redirection);
            let said = stderr(&output);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{args:?} {redirection}: {said}"
            );
            assert_eq!(said, expected, "{args:?} {redirection}");
        }
    }
    let model = repository("models/faust");
    let inspect = ["inspect", model.to_str().unwrap(), "--json"];
    assert_eq!(redirected(&inspect, "> /dev/full").status.code(), Some(1));
    assert_eq!(redirected(&inspect, ">&-").status.code(), Some(1));
    let output = redirected(&inspect, "| head -c 1");
    assert_eq!((stderr(&output), output.status.code()), ("", Some(0)));
}

/// Rust's `Stdio::null`, and others that open it for reading as well, as Python's
/// `subprocess.DEVNULL` is.
#[test]
fn the_null_device_is_not_treated_as_closed() {
    for redirection in ["> /dev/null", "1<> /dev/null", "<> /dev/null >&0 2>&0"] {
        for args in commands() {
            let output = redirected(&args, redirection);
            assert_eq!(output.status.code(), Some(0), "{args:?} {redirection}");
        }
    }
}

#[test]
fn a_closed_output_is_no_error_if_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let args = [
        &["explain", PROMPT, "--html", page.to_str().unwrap()],
        &SHORT[..],
    ]
    .concat();
    assert_eq!(redirected(&args, ">&-").status.code(), Some(0));
    assert!(page.is_file());
}

#[test]
fn a_closed_standard_error_changes_no_result() {
    let args = [&["generate", PROMPT], &SHORT[..]].concat();
    let closed = redirected(&args, "2>&-");
    assert_eq!(stdout(&closed), stdout(&run(&args[1..])));
    assert_eq!(
        redirected(&["generate", "--nichts"], "2>&-").status.code(),
        Some(2)
    );
    assert_eq!(
        redirected(&["inspect", "/nichts"], "2>&-").status.code(),
        Some(1)
    );
}

#[test]
fn a_closed_standard_input_is_an_error_where_it_is_read() {
    for args in [&["generate", "-"][..], &["score", "-"], &["chat"]] {
        let output = redirected(args, "<&-");
        assert_eq!(
            stderr(&output),
            "error: failed to read standard input: it is closed\n"
        );
        assert_eq!(output.status.code(), Some(1));
    }
    let args = [&["generate", PROMPT], &SHORT[..]].concat();
    assert_eq!(stdout(&redirected(&args, "<&-")), stdout(&run(&args[1..])));
}

/// A text that does not end by itself, in the shell's variable `endless`.
const ENDLESS: &str =
    "endless() { \"$WOLFGANG\" generate Wer --max-new-tokens 1000000 --ignore-eos \"$@\"; }; ";

/// What bash and its status write when the command in it is interrupted after its first output.
fn interrupted(script: &str, process_group: bool) -> (String, Option<i32>) {
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    let bare = wolfgang();
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{ENDLESS}{script}")]);
    for (name, value) in bare.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    bash.env("WOLFGANG", bare.get_program()).process_group(0);
    let mut child = bash.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    lines.read_line(&mut said).unwrap();
    // As a terminal does for Ctrl-C, or for the command alone.
    let signal = match process_group {
        true => vec![
            "-INT".to_owned(),
            "--".to_owned(),
            format!("-{}", child.id()),
        ],
        false => vec!["-INT".to_owned(), command_in(child.id()).to_string()],
    };
    assert!(
        Command::new("kill")
            .args(signal)
            .status()
            .unwrap()
            .success()
    );
    lines.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    (
        said,
        status.code().or(status.signal().map(|signal| 128 + signal)),
    )
}

fn command_in(shell: u32) -> u32 {
    let output = Command::new("pgrep")
        .args(["-P", &shell.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn a_script_ends_when_the_text_is_interrupted() {
    // With --json the first line is a piece, and the last has the reason of the end.
    let script = "set -e; endless --json; echo nicht erreicht";
    for process_group in [true, false] {
        let (said, status) = interrupted(script, process_group);
        assert_eq!(status, Some(130));
        assert!(!said.contains("nicht erreicht"), "{said}");
        assert!(said.contains("\"reason\":\"cancelled\""), "{said}");
    }
    let (said, status) = interrupted("endless --json; echo \"code $?\"", false);
    assert!(said.ends_with("code 130\n"), "{said}");
    assert_eq!(status, Some(0));
}

/// The tokens until then are explained. The warning is printed after the handler of Ctrl-C is set.
#[test]
fn an_interrupted_explanation_is_written() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    let args = [
        "explain",
        "Wer? €",
        "--max-new-tokens",
        "1000000",
        "--ignore-eos",
        "--json",
    ];
    let mut command = wolfgang();
    command
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("warning: "), "{said}");
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let explained: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(explained["reason"], "cancelled");
    assert_eq!(output.status.signal(), Some(2));
}

/// A shell continues a loop if the command handled Ctrl-C and returned an exit code.
#[test]
fn a_loop_ends_when_a_text_in_it_is_interrupted() {
    let script = "for i in 1 2; do endless --json; done; echo nicht erreicht";
    let (said, status) = interrupted(script, true);
    assert_eq!(status, Some(130));
    assert_eq!(said.matches("\"type\":\"finished\"").count(), 1);
    assert!(!said.contains("nicht erreicht"), "{said}");
}
