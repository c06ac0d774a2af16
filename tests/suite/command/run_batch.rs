//! `wolfgang run-batch`: responses in the order of the requests, whatever interrupts the run.

use crate::fixtures::{faust, wolfgang};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;
use wolfgang_generate::{GenerateOptions, SamplingParams};

fn request(i: usize, url: &str, body: Json) -> Vec<u8> {
    let line = json!({"custom_id": format!("r{i}"), "method": "POST", "url": url, "body": body});
    line.to_string().into_bytes()
}

/// The body of a valid request.
fn body(i: usize) -> Json {
    let prompt = ["Habe nun, ach!", "Wer reitet so spät", "Über allen Gipfeln"][i % 3];
    let mut body = json!({"model": "faust", "prompt": prompt, "max_tokens": 4 + i % 9});
    if i.is_multiple_of(4) {
        body["seed"] = json!(i);
    }
    match i % 5 {
        0 => body["n"] = json!(2),
        1 => body["logprobs"] = json!(2),
        2 => body["temperature"] = json!(0),
        3 => body["prompt"] = json!([[300 + i, 301, 302], "Es war"]),
        _ => body["echo"] = json!(true),
    }
    body
}

/// 60 lines, and those that are no valid requests.
fn lines() -> (Vec<Vec<u8>>, BTreeSet<usize>) {
    let path = "/v1/completions";
    let line = |i: usize| match i {
        7 => b"not JSON".to_vec(),
        13 => b"{\"custom_id\": \"\xff\"}".to_vec(),
        19 => json!({"method": "POST", "url": path, "body": body(i)})
            .to_string()
            .into_bytes(),
        25 => request(4, path, body(i)),
        31 => request(i, "/v1/embeddings", body(i)),
        37 => request(i, path, json!("Habe nun")),
        43 => request(i, path, json!({"prompt": "Ach", "temperature": "hot"})),
        49 => request(i, path, json!({"prompt": "Ach", "stream": true})),
        55 => request(i, path, json!({"prompt": "Ach ".repeat(400)})),
        _ => request(i, path, body(i)),
    };
    let bad = BTreeSet::from([7, 13, 19, 25, 31, 37, 43, 49, 55]);
    ((0..60).map(line).collect(), bad)
}

fn write(path: &Path, lines: &[Vec<u8>]) {
    fs::write(path, lines.join(&b"\n"[..])).unwrap();
}

fn command(input: &Path, output: &Path) -> Command {
    let mut command = wolfgang();
    command
        .arg("run-batch")
        .arg("-i")
        .arg(input)
        .arg("-o")
        .arg(output);
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{message}");
    output
}

/// The lines of an output, without the times.
fn responses(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let parse = |line: &str| {
        let mut line: Json = serde_json::from_str(line).unwrap();
        // An index would insert the objects that an error does not have.
        if let Some(Json::Object(body)) = line.pointer_mut("/response/body") {
            body.remove("created");
        }
        line
    };
    text.lines().map(parse).collect()
}

/// The options that a body means.
fn options(body: &Json, seed: u64) -> GenerateOptions {
    let sampling = SamplingParams::default()
        .with_temperature(body["temperature"].as_f64().unwrap_or(1.0) as f32)
        .with_top_k(None)
        .with_top_p(None)
        .with_repetition_penalty(1.0);
    GenerateOptions::default()
        .with_sampling(sampling)
        .with_seed(seed)
        .with_max_new_tokens(body["max_tokens"].as_u64().unwrap() as usize)
        .with_include_prompt(body["echo"] == true)
}

#[test]
fn each_line_has_its_response_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
    let (lines, bad) = lines();
    write(&input, &lines);
    let message = run(&mut command(&input, &output)).stderr;
    assert_eq!(
        String::from_utf8(message).unwrap(),
        "[51 requests answered, 9 failed]\n"
    );
    let found = responses(&output);
    assert_eq!(found.len(), 60);
    for (i, found) in found.iter().enumerate().filter(|(i, _)| !bad.contains(i)) {
        let response = &found["response"];
        assert_eq!(
            (&found["custom_id"], &found["error"]),
            (&json!(format!("r{i}")), &Json::Null)
        );
        assert_eq!(response["status_code"], 200, "{found}");
        let body = body(i);
        let choices = response["body"]["choices"].as_array().unwrap();
        let seed = choices[0]["seed"].as_u64().unwrap();
        assert!(body["seed"].is_null() || body["seed"] == seed);
        let prompts = match &body["prompt"] {
            Json::Array(prompts) => prompts.clone(),
            prompt => vec![prompt.clone()],
        };
        let n = body["n"].as_u64().unwrap_or(1) as usize;
        assert_eq!(choices.len(), prompts.len() * n);
        for (at, choice) in choices.iter().enumerate() {
            let options = options(&body, seed + (at % n) as u64);
            let alone = match &prompts[at / n] {
                Json::String(text) => faust().generate_text(text, &options),
                ids => {
                    let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
                    faust().generate_text(&ids, &options)
                }
            };
            assert_eq!(choice["text"], alone.unwrap().text, "line {i}");
        }
    }
    let of_line = |i: usize| (&found[i]["response"], &found[i]["error"]);
    for (i, code, named) in [
        (7, "json_parse_error", "line 8"),
        (13, "json_parse_error", "line 14"),
        (19, "invalid_custom_id", "line 20"),
        (25, "duplicate_custom_id", "\"r4\" is that of line 5"),
        (31, "invalid_url", "/v1/completions"),
        (37, "invalid_body", "line 38"),
    ] {
        let (response, error) = of_line(i);
        assert_eq!((response, &error["code"]), (&Json::Null, &json!(code)));
        assert!(
            error["message"].as_str().unwrap().contains(named),
            "{error}"
        );
    }
    for (i, param, code) in [
        (43, "temperature", "invalid_value"),
        (49, "stream", "unsupported_parameter"),
        (55, "prompt", "context_length_exceeded"),
    ] {
        let (response, error) = of_line(i);
        assert_eq!(
            (&response["status_code"], error),
            (&json!(400), &Json::Null)
        );
        let body = &response["body"]["error"];
        assert_eq!(
            (&body["param"], &body["code"]),
            (&json!(param), &json!(code))
        );
    }
}

#[test]
fn the_responses_do_not_depend_on_concurrency_threads_or_company() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.jsonl");
    let (lines, bad) = lines();
    write(&input, &lines);
    let mut outputs = Vec::new();
    for (at, options) in [
        &["--max-running", "1", "--threads", "2"][..],
        &["--max-running", "32"],
    ]
    .iter()
    .enumerate()
    {
        let output = folder.path().join(format!("{at}.jsonl"));
        run(command(&input, &output).args(*options));
        outputs.push(responses(&output));
    }
    assert_eq!(outputs[0], outputs[1]);

    let other_seed = folder.path().join("other.jsonl");
    run(command(&input, &other_seed).args(["--seed", "8"]));
    let seed =
        |lines: &[Json], i: usize| lines[i]["response"]["body"]["choices"][0]["seed"].clone();
    let others = responses(&other_seed);
    assert_ne!(seed(&others, 1), seed(&outputs[0], 1));
    assert_eq!(seed(&others, 4), 4);

    // In another order, each request has the same response.
    let reverse = folder.path().join("reverse.jsonl");
    let valid = (0..60).rev().filter(|i| !bad.contains(i));
    let valid: Vec<Vec<u8>> = valid.map(|i| lines[i].clone()).collect();
    write(&reverse, &valid);
    let output = folder.path().join("reversed.jsonl");
    run(&mut command(&reverse, &output));
    let mut reversed = responses(&output);
    reversed.reverse();
    let expected = (0..60).filter(|i| !bad.contains(i)).map(|i| &outputs[0][i]);
    assert!(reversed.iter().eq(expected));
}

#[test]
fn a_killed_run_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output, whole] =
        ["in.jsonl", "out.jsonl", "whole.jsonl"].map(|name| folder.path().join(name));
    let (mut lines, _) = lines();
    // Long enough that the kill comes before the end.
    lines.extend((60..80).map(|i| {
        request(
            i,
            "/v1/completions",
            json!({"prompt": "Ach", "max_tokens": 200, "ignore_eos": true}),
        )
    }));
    write(&input, &lines);
    run(&mut command(&input, &whole));

    let mut child = command(&input, &output)
        .args(["--max-running", "2"])
        .spawn()
        .unwrap();
    let complete =
        || fs::read(&output).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count());
    while complete() < 10 {
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = complete();
    assert!(kept < lines.len());
    let mut bytes = fs::read(&output).unwrap();
    let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    bytes.truncate(end);
    let first = bytes.clone();
    bytes.extend(b"{\"id\":\"batch_req_");
    fs::write(&output, bytes).unwrap();
    let message = run(&mut command(&input, &output)).stderr;
    let message = String::from_utf8(message).unwrap();
    assert!(
        message.contains(&format!("{kept} responses of an earlier run kept")),
        "{message}"
    );
    assert!(fs::read(&output).unwrap().starts_with(&first));
    assert_eq!(responses(&output), responses(&whole));

    // Nothing is left to do.
    let complete = fs::read(&output).unwrap();
    run(&mut command(&input, &output));
    assert_eq!(fs::read(&output).unwrap(), complete);
}

#[test]
fn files_of_another_run_are_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
    write(&input, &[request(0, "/v1/completions", body(0))]);
    run(&mut command(&input, &output));
    let written = fs::read(&output).unwrap();
    let refused = |lines: &[Vec<u8>], before: &[u8], message: &str| {
        write(&input, lines);
        fs::write(&output, before).unwrap();
        let found = command(&input, &output).output().unwrap();
        assert_eq!(found.status.code(), Some(1));
        let found = String::from_utf8(found.stderr).unwrap();
        assert!(found.contains(message), "{found}");
        assert_eq!(fs::read(&output).unwrap(), before);
    };
    let other = [request(1, "/v1/completions", body(1))];
    refused(
        &other,
        &written,
        "line 1 of the existing output has the custom_id \"r0\", but line 1 of the input has the custom_id \"r1\"",
    );
    refused(&[], &written, "the input has fewer requests");
    // The input itself is not an output.
    write(&input, &other);
    let same = command(&input, &input).output().unwrap();
    assert_eq!(same.status.code(), Some(1));
    assert_eq!(fs::read(&input).unwrap(), other[0]);
    for notes in ["My notes\n", "My notes", "{\"id\":\"other"] {
        refused(
            &other,
            notes.as_bytes(),
            "line 1 of the existing output is not a response",
        );
    }
}

#[test]
fn lines_that_the_server_would_refuse_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
    let path = "/v1/completions";
    let duplicate = |body: &str| {
        format!(r#"{{"custom_id": "d", "method": "POST", "url": "{path}", "body": {body}}}"#)
            .into_bytes()
    };
    let lines = [
        duplicate(r#"{"prompt": "a", "prompt": "b"}"#),
        request(
            1,
            path,
            json!({"prompt": vec!["Ach"; 100], "n": 3, "max_tokens": 1}),
        ),
        request(2, path, json!({"prompt": "a".repeat(1 << 20)})),
        request(3, path, json!({"prompt": "Ach", "max_tokens": 1})),
        duplicate(r#"{"prompt": "a", "logit_bias": {"5": 1, "5": 2}}"#),
    ];
    write(&input, &lines);
    for _ in 0..2 {
        run(&mut command(&input, &output));
        let found = responses(&output);
        assert_eq!(found[0]["error"]["code"], "json_parse_error");
        let message = found[0]["error"]["message"].as_str().unwrap();
        assert!(message.contains("\"prompt\" occurs twice"), "{message}");
        assert_eq!(found[0]["custom_id"], "d");
        assert_eq!(found[1]["response"]["status_code"], 400);
        assert_eq!(found[1]["response"]["body"]["error"]["param"], "n");
        assert_eq!(found[2]["error"]["code"], "line_too_long");
        assert_eq!(found[3]["response"]["status_code"], 200);
        assert_eq!(found[4]["error"]["code"], "json_parse_error");
        assert_eq!(found.len(), 5);
        // The next run continues after the first lines.
        let bytes = fs::read(&output).unwrap();
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let kept: Vec<u8> = lines.by_ref().take(3).flatten().copied().collect();
        fs::write(&output, kept).unwrap();
    }
}

#[test]
fn an_output_that_another_process_writes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
    write(&input, &[request(0, "/v1/completions", body(0))]);
    let other = fs::File::create(&output).unwrap();
    other.lock().unwrap();
    let refused = command(&input, &output).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("another process writes to"), "{message}");
    assert_eq!(fs::read(&output).unwrap(), b"");
    drop(other);
    run(&mut command(&input, &output));
    assert_eq!(responses(&output).len(), 1);
}

/// The text of a response is that of `wolfgang generate` with the same parameters.
#[test]
fn responses_equal_generate() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
    let body = json!({"prompt": "Habe nun, ach!", "max_tokens": 20, "top_k": 40, "seed": 11});
    write(&input, &[request(0, "/v1/completions", body)]);
    run(&mut command(&input, &output));
    let text = responses(&output)[0]["response"]["body"]["choices"][0]["text"].clone();
    let generated = wolfgang()
        .args([
            "generate",
            "Habe nun, ach!",
            "--max-new-tokens",
            "20",
            "--top-k",
            "40",
        ])
        .args(["--seed", "11", "--temperature", "1", "--top-p", "1"])
        .args(["--repetition-penalty", "1", "--json"])
        .output()
        .unwrap();
    let generated = String::from_utf8(generated.stdout).unwrap();
    let summary: Json = serde_json::from_str(generated.lines().last().unwrap()).unwrap();
    assert_eq!(text, summary["text"]);
}
