//! Errors of the `wolfgang` command, their exit codes, and its end on a signal or a closed pipe.

use crate::command::generate::{PROMPT, generate, run};
use crate::fixtures::{fixture, repository, wolfgang};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn bad_parameters_are_one_line_with_name_value_and_rule() {
    let cases: [(&[&str], &str); 11] = [
        (
            &["--threads", "100000", "--device", "flex"],
            "failed to start 100000 threads: the maximum is 1024; choose fewer with --threads",
        ),
        (
            &["--temperature", "-1"],
            "temperature is -1, but it must be 0 (greedy) or at least",
        ),
        (
            &["--temperature", "NaN"],
            "temperature is NaN, but it must be 0 (greedy) or at least",
        ),
        (
            &["--top-p", "2"],
            "top_p is 2, but it must be between 0 and 1",
        ),
        (
            &["--top-p", "-0.5"],
            "top_p is -0.5, but it must be between 0 and 1",
        ),
        (
            &["--repetition-penalty", "0"],
            "repetition_penalty is 0, but it must be between 0.000001 and 1000000",
        ),
        (
            &["--prompt-ids", "1,99999"],
            "token id 99999 at position 1 is outside the vocabulary of 4096 tokens",
        ),
        (
            &["--stop-token", "99999"],
            "stop token 99999 is outside the vocabulary of 4096 tokens",
        ),
        (
            &["--stop-token", "zwei Wörter"],
            "--stop-token is \"zwei Wörter\", but it must be",
        ),
        (
            &["--max-new-tokens", "viele"],
            "invalid value 'viele' for '--max-new-tokens",
        ),
        (&["--prompt-ids", "1", "Text"], "cannot be used with"),
    ];
    for (args, expected) in cases {
        let output = run(args);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
        assert!(message.contains(expected), "{args:?}: {message}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    for (args, _) in &cases[..9] {
        let message = String::from_utf8(run(args).stderr).unwrap();
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
}

#[test]
fn missing_and_mismatched_files_are_one_line_errors_with_code_1() {
    let tiny = fixture("tiny/plain.pt");
    let faust_tokenizer = repository("models/faust/tokenizer.json");
    let readme = repository("README.md");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let cases = [
        (
            vec!["--model".into(), "no/such/model".into()],
            "failed to read no/such/model",
        ),
        (
            vec!["--tokenizer".into(), "no/such/file".into()],
            "failed to read the tokenizer no/such/file",
        ),
        (
            vec!["--tokenizer".into(), path(&readme)],
            "is not a valid tokenizer.json",
        ),
        (
            vec![
                "--model".into(),
                path(&tiny),
                "--tokenizer".into(),
                path(&faust_tokenizer),
            ],
            "the tokenizer has 4096 tokens, but the model's vocab_size is 512",
        ),
    ];
    for (args, expected) in cases {
        let output = generate(&["Ach"]).args(&args).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
        assert!(message.contains(expected), "{args:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
}

#[test]
fn a_long_prompt_is_truncated_with_a_warning() {
    let ids = vec!["200"; 300].join(",");
    let output = run(&["--prompt-ids", &ids, "--max-new-tokens", "1", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: the prompt is 44 tokens too long and was truncated to its last 256 tokens\n"
    );
}

#[test]
fn characters_missing_from_the_vocabulary_are_a_warning() {
    let output = run(&["Der Preis: 3 €", "--max-new-tokens", "1", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: the model's vocabulary lacks characters of the prompt, which were dropped: €\n"
    );
}

/// As `wolfgang generate … | head -c 10` does.
#[test]
fn a_closed_pipe_is_no_error() {
    for more in [&[][..], &["--json"]] {
        let args = [
            &[PROMPT, "--max-new-tokens", "100000", "--ignore-eos"],
            more,
        ]
        .concat();
        let mut child = generate(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut some = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_text_with_a_finished_event() {
    use std::os::unix::process::ExitStatusExt;
    let args = [
        PROMPT,
        "--max-new-tokens",
        "100000",
        "--ignore-eos",
        "--json",
    ];
    let mut child = generate(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let signal = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signal.success());
    let last = lines.map(Result::unwrap).last().unwrap();
    let finished: Json = serde_json::from_str(&last).unwrap();
    assert_eq!(
        (&finished["type"], &finished["reason"]),
        (&"finished".into(), &"cancelled".into())
    );
    assert!(finished["generated_tokens"].as_u64().unwrap() > 0);
    // As the signal ends a program that does not deal with it.
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(2));
}

#[test]
fn help_and_version_exit_with_code_0() {
    for args in [&["--help"][..], &["--version"], &["generate", "--help"]] {
        let output = wolfgang().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    assert_eq!(wolfgang().output().unwrap().status.code(), Some(2));
}
