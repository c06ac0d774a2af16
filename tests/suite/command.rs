//! The `wolfgang` command as a process: what goes where, and how it ends.

use crate::fixtures::{faust, fixture, repository, tiny_tokenizer, wolfgang};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};
use wolfgang_generate::{GenerateOptions, PenaltyScope, SamplingParams};

const PROMPT: &str = "Wer reitet so spät";

fn generate(args: &[&str]) -> Command {
    let mut command = wolfgang();
    command.arg("generate").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    generate(args).output().unwrap()
}

/// Standard output of a run that must succeed without a word on standard error.
fn text(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), stderr.as_str()),
        (Some(0), ""),
        "{args:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

fn json_lines(args: &[&str]) -> Vec<Json> {
    text(args)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn text_alone_goes_to_standard_output_wherever_the_command_runs() {
    let options = GenerateOptions {
        max_new_tokens: 30,
        seed: Some(3),
        ..GenerateOptions::default()
    };
    let expected = faust().generate_text(PROMPT, &options).unwrap().text;
    let args = [PROMPT, "--max-new-tokens", "30", "--seed", "3"];
    assert_eq!(text(&args), expected);
    assert_eq!(text(&[&args[..], &["--no-stream"]].concat()), expected);
    assert_eq!(
        text(&[&args[..], &["--include-prompt"]].concat()),
        format!("{PROMPT}{expected}")
    );

    let elsewhere = tempfile::tempdir().unwrap();
    let output = generate(&args).current_dir(&elsewhere).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_prompt_may_come_from_standard_input_or_as_ids() {
    let expected = text(&[PROMPT, "--seed", "4", "--max-new-tokens", "9"]);

    let mut child = generate(&["-", "--seed", "4", "--max-new-tokens", "9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(PROMPT.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);

    let ids = faust().tokenizer().encode(PROMPT).unwrap();
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    let args = [
        "--prompt-ids",
        &ids.join(","),
        "--seed",
        "4",
        "--max-new-tokens",
        "9",
    ];
    assert_eq!(text(&args), expected);
}

#[test]
fn json_lines_tell_everything() {
    let args = [PROMPT, "--json", "--seed", "5", "--max-new-tokens", "25"];
    let lines = json_lines(&args);
    let (finished, pieces) = lines.split_last().unwrap();
    assert!(pieces.len() > 1 && pieces.iter().all(|line| line["type"] == "text"));
    let joined: String = pieces
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    let ids: Vec<&Json> = pieces
        .iter()
        .flat_map(|line| line["ids"].as_array().unwrap())
        .collect();

    assert_eq!(finished["type"], "finished");
    assert_eq!(finished["reason"], "max_tokens");
    assert_eq!(finished["text"], joined);
    assert_eq!(
        finished["ids"]
            .as_array()
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        ids
    );
    assert_eq!(finished["generated_tokens"], 25);
    assert_eq!(finished["seed"], 5);
    let prompt_tokens = faust().tokenizer().encode(PROMPT).unwrap().len();
    assert_eq!(finished["prompt_tokens"], prompt_tokens);
    assert!(finished["timing"]["prefill_seconds"].as_f64().unwrap() > 0.0);
    assert!(finished["timing"]["decode_seconds"].as_f64().unwrap() > 0.0);

    let whole = json_lines(&[&args[..], &["--no-stream"]].concat());
    assert_eq!(whole.len(), 1);
    assert_eq!(
        (&whole[0]["text"], &whole[0]["ids"]),
        (&finished["text"], &finished["ids"])
    );
}

#[test]
fn stop_tokens_go_by_id_and_by_text() {
    let free = json_lines(&[PROMPT, "--json", "--no-stream", "--seed", "6"]).remove(0);
    let id = free["ids"][8].as_u64().unwrap();
    let by_id = json_lines(&[
        PROMPT,
        "--json",
        "--no-stream",
        "--seed",
        "6",
        "--stop-token",
        &id.to_string(),
    ]);
    assert_eq!(
        (&by_id[0]["reason"], &by_id[0]["stop_token"]),
        (&"stop_token".into(), &id.into())
    );
    let kept = by_id[0]["text"].as_str().unwrap();
    assert!(free["text"].as_str().unwrap().starts_with(kept));

    let token = faust().tokenizer().token_bytes(id as u32).unwrap().to_vec();
    let token = String::from_utf8(token).unwrap();
    let by_text = json_lines(&[
        PROMPT,
        "--json",
        "--no-stream",
        "--seed",
        "6",
        "--stop-token",
        &token,
    ]);
    assert_eq!(by_text[0]["ids"], by_id[0]["ids"]);
}

/// Each option of the command is the library's of the same name.
#[test]
fn every_sampling_option_reaches_the_sampler() {
    let default = SamplingParams::default;
    let flat = SamplingParams {
        temperature: 2.5,
        ..default()
    };
    let off = SamplingParams {
        top_k: None,
        top_p: None,
        ..flat.clone()
    };
    let cases: [(&[&str], SamplingParams); 6] = [
        (&["--temperature", "2.5"], flat.clone()),
        (
            &["--temperature", "2.5", "--top-k", "0", "--top-p", "1"],
            off.clone(),
        ),
        (
            &["--temperature", "2.5", "--top-k", "3", "--top-p", "1"],
            SamplingParams {
                top_k: Some(3),
                ..off.clone()
            },
        ),
        (
            &["--temperature", "2.5", "--top-k", "0", "--top-p", "0.5"],
            SamplingParams {
                top_p: Some(0.5),
                ..off
            },
        ),
        (
            &["--repetition-penalty", "3", "--repetition-window", "200"],
            SamplingParams {
                repetition_penalty: 3.0,
                repetition_window: 200,
                ..default()
            },
        ),
        (
            &["--repetition-penalty", "3", "--penalize", "generated"],
            SamplingParams {
                repetition_penalty: 3.0,
                penalize: PenaltyScope::Generated,
                ..default()
            },
        ),
    ];
    let mut texts = std::collections::HashSet::new();
    for (more, sampling) in cases {
        let args = [&[PROMPT, "--seed", "8", "--max-new-tokens", "30"], more].concat();
        let options = GenerateOptions {
            max_new_tokens: 30,
            sampling,
            seed: Some(8),
            ..GenerateOptions::default()
        };
        let expected = faust().generate_text(PROMPT, &options).unwrap().text;
        assert_eq!(text(&args), expected, "{more:?}");
        assert!(texts.insert(expected), "{more:?} makes no difference");
    }
}

#[test]
fn a_pt_file_speaks_with_its_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.pt");
    std::fs::copy(fixture("tiny/compiled_with_optimizer.pt"), &model).unwrap();
    let args = [
        "a",
        "--model",
        model.to_str().unwrap(),
        "--max-new-tokens",
        "5",
        "--seed",
        "1",
    ];

    let lonely = run(&args);
    let message = String::from_utf8(lonely.stderr).unwrap();
    assert_eq!(lonely.status.code(), Some(1));
    assert!(
        message.contains("tokenizer.json") && message.contains("--tokenizer"),
        "{message}"
    );

    let tokenizer = folder.path().join("tokenizer.json");
    std::fs::write(&tokenizer, tiny_tokenizer()).unwrap();
    let beside = text(&args);
    assert_eq!(
        text(&[&args[..], &["--tokenizer", tokenizer.to_str().unwrap()]].concat()),
        beside
    );
}

#[test]
fn a_native_folder_is_the_same_as_the_model_in_the_program() {
    let model = repository("models/faust");
    let args = [PROMPT, "--seed", "1", "--max-new-tokens", "12"];
    let named = text(&[&args[..], &["--model", model.to_str().unwrap()]].concat());
    assert_eq!(named, text(&args));
}

#[test]
fn bad_parameters_are_one_line_with_name_value_and_rule() {
    let cases: [(&[&str], &str); 10] = [
        (
            &["--temperature", "-1"],
            "temperature is -1, but it must be 0 (greedy) or a number",
        ),
        (
            &["--temperature", "NaN"],
            "temperature is NaN, but it must be 0 (greedy) or a number",
        ),
        (
            &["--top-p", "2"],
            "top_p is 2, but it must lie between 0 and 1",
        ),
        (
            &["--top-p", "-0.5"],
            "top_p is -0.5, but it must lie between 0 and 1",
        ),
        (
            &["--repetition-penalty", "0"],
            "repetition_penalty is 0, but it must lie between 0.000001 and 1000000",
        ),
        (
            &["--prompt-ids", "1,99999"],
            "id 99999 at position 1 lies beyond the vocabulary of 4096",
        ),
        (
            &["--stop-token", "99999"],
            "stop token 99999 lies beyond the vocabulary of 4096",
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
    for (args, _) in &cases[..8] {
        let message = String::from_utf8(run(args).stderr).unwrap();
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
}

#[test]
fn what_is_missing_or_does_not_fit_is_one_line_and_code_1() {
    let tiny = fixture("tiny/plain.pt");
    let faust_tokenizer = repository("models/faust/tokenizer.json");
    let readme = repository("README.md");
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let cases = [
        (
            vec!["--model".into(), "no/such/model".into()],
            "cannot read no/such/model",
        ),
        (
            vec!["--tokenizer".into(), "no/such/file".into()],
            "cannot read the tokenizer no/such/file",
        ),
        (
            vec!["--tokenizer".into(), path(&readme)],
            "is not a tokenizer.json",
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
fn a_full_context_ends_the_text_on_request() {
    let ids = vec!["200"; 250].join(",");
    let args = [
        "--prompt-ids",
        &ids,
        "--json",
        "--no-stream",
        "--seed",
        "1",
        "--ignore-eos",
    ];
    let finished = json_lines(&[&args[..], &["--overflow", "stop"]].concat()).remove(0);
    assert_eq!(finished["reason"], "context_full");
    assert_eq!(finished["generated_tokens"], 7);
}

#[test]
fn a_long_prompt_is_cut_with_a_warning() {
    let ids = vec!["200"; 300].join(",");
    let output = run(&["--prompt-ids", &ids, "--max-new-tokens", "1", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: the prompt is too long by 44 tokens; the model sees its last 256\n"
    );
}

#[test]
fn characters_that_the_vocabulary_lacks_are_told() {
    let output = run(&["Der Preis: 3 €", "--max-new-tokens", "1", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "warning: the model's vocabulary lacks characters of the prompt; it does not see them\n"
    );
}

/// As `wolfgang generate … | head -c 10` does.
#[test]
fn a_closed_pipe_ends_it_silently() {
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
fn an_interrupt_ends_the_text_cleanly() {
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
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn help_and_version_are_answers_not_errors() {
    for args in [&["--help"][..], &["--version"], &["generate", "--help"]] {
        let output = wolfgang().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
    assert_eq!(wolfgang().output().unwrap().status.code(), Some(2));
}
