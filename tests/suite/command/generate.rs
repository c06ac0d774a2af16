//! The `wolfgang` command as a process: what goes in, what comes out, and where.

use crate::command::input::stderr;
use crate::fixtures::{faust, fixture, repository, tiny_tokenizer, wolfgang};
use serde_json::Value as Json;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use wolfgang_generate::{GenerateOptions, PenaltyScope, SamplingParams};

pub(crate) const PROMPT: &str = "Wer reitet so spät";

pub(crate) fn generate(args: &[&str]) -> Command {
    let mut command = wolfgang();
    command.arg("generate").args(args);
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
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
fn standard_output_is_the_text_in_any_working_directory() {
    let options = GenerateOptions::default()
        .with_max_new_tokens(30)
        .with_seed(3);
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
    // As `echo` writes it.
    writeln!(child.stdin.take().unwrap(), "{PROMPT}").unwrap();
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
fn json_lines_have_all_fields() {
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
    let model = &finished["model"];
    assert_eq!(
        (&model["parameters"], &model["dtype"]),
        (&5_475_584.into(), &"f32".into())
    );
    assert_eq!(model["weight_bytes"], 4 * 5_475_584);
    assert!(model["load_seconds"].as_f64().unwrap() > 0.0);

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
    let flat = default().with_temperature(2.5);
    let off = flat.clone().with_top_k(None).with_top_p(None);
    let cases: [(&[&str], SamplingParams); 6] = [
        (&["--temperature", "2.5"], flat.clone()),
        (
            &["--temperature", "2.5", "--top-k", "0", "--top-p", "1"],
            off.clone(),
        ),
        (
            &["--temperature", "2.5", "--top-k", "3", "--top-p", "1"],
            off.clone().with_top_k(3),
        ),
        (
            &["--temperature", "2.5", "--top-k", "0", "--top-p", "0.5"],
            off.with_top_p(0.5),
        ),
        (
            &["--repetition-penalty", "3", "--repetition-window", "200"],
            default()
                .with_repetition_penalty(3.0)
                .with_repetition_window(200),
        ),
        (
            &["--repetition-penalty", "3", "--penalize", "generated"],
            default()
                .with_repetition_penalty(3.0)
                .with_penalty_scope(PenaltyScope::Generated),
        ),
    ];
    let mut texts = std::collections::HashSet::new();
    for (more, sampling) in cases {
        let args = [&[PROMPT, "--seed", "8", "--max-new-tokens", "30"], more].concat();
        let options = GenerateOptions::default()
            .with_max_new_tokens(30)
            .with_sampling(sampling)
            .with_seed(8);
        let expected = faust().generate_text(PROMPT, &options).unwrap().text;
        assert_eq!(text(&args), expected, "{more:?}");
        assert!(texts.insert(expected), "{more:?} makes no difference");
    }
}

#[test]
fn a_pt_file_generates_with_its_tokenizer() {
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
fn the_context_can_be_limited_but_not_extended() {
    let args = [
        "--json",
        "--no-stream",
        "--ignore-eos",
        "--overflow",
        "stop",
    ];
    let args = [&["--prompt-ids", "200,17,300", "--seed", "1"], &args[..]].concat();
    let whole = json_lines(&[&args[..], &["--max-new-tokens", "14"]].concat()).remove(0);
    let limited = json_lines(&[&args[..], &["--context", "16"]].concat()).remove(0);
    assert_eq!(limited["reason"], "context_full");
    assert_eq!(limited["ids"], whole["ids"]);

    let output = run(&[PROMPT, "--context", "257"]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    for part in ["257", "256", "choose a smaller --context"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn overflow_stop_ends_the_text_when_the_context_is_full() {
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
