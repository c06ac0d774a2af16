//! Where options come from, and what they do besides sampling: layers, presets, ends, several
//! samples, language.

use crate::command::generate::{PROMPT, generate, run};
use crate::fixtures::{faust, repository, wolfgang};
use serde_json::Value as Json;
use std::process::Output;
use wolfgang_generate::{GenerateOptions, PenaltyScope, SamplingParams};

fn stdout(output: &Output) -> &str {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The last line of a run with this seed.
fn finished(seed: &str, args: &[&str]) -> Json {
    let output = run(&[&[PROMPT, "--json", "--no-stream", "--seed", seed], args].concat());
    serde_json::from_str(stdout(&output)).unwrap()
}

/// Of each option the nearest place counts: the command line, the environment, the file, the
/// preset, the default.
#[test]
fn the_command_line_overrides_the_environment_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let toml = "[sampling]\npreset = \"greedy\"\nseed = 9\n[length]\nmax-new-tokens = 7\n";
    std::fs::write(&config, toml).unwrap();
    let with = |args: &[&str], preset: Option<&str>| {
        let mut command = generate(&[&[PROMPT, "--json", "--no-stream"], args].concat());
        command.env("WOLFGANG_CONFIG", &config);
        if let Some(preset) = preset {
            command.env("WOLFGANG_PRESET", preset);
        }
        serde_json::from_str::<Json>(stdout(&command.output().unwrap())).unwrap()
    };
    let by_library = |sampling: SamplingParams, max_new_tokens| {
        let options = GenerateOptions::default()
            .with_sampling(sampling)
            .with_max_new_tokens(max_new_tokens)
            .with_seed(9);
        faust().generate_text(PROMPT, &options).unwrap().text
    };
    let goethe = || {
        SamplingParams::default()
            .with_temperature(0.5)
            .with_top_p(0.8)
            .with_top_k(15)
            .with_repetition_penalty(1.1)
            .with_repetition_window(48)
            .with_penalty_scope(PenaltyScope::Generated)
    };
    let greedy = SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1.0);
    let file = with(&[], None);
    assert_eq!(file["text"], by_library(greedy, 7));
    assert_eq!(
        (&file["seed"], &file["generated_tokens"]),
        (&9.into(), &7.into())
    );
    let environment = with(&["--max-new-tokens", "20"], Some("goethe"));
    assert_eq!(environment["text"], by_library(goethe(), 20));
    let command_line = with(
        &["--temperature", "1.5", "--max-new-tokens", "20"],
        Some("goethe"),
    );
    let warmer = goethe().with_temperature(1.5);
    assert_eq!(command_line["text"], by_library(warmer, 20));
    assert_ne!(command_line["text"], environment["text"]);
}

/// The file is found in the default folder; its paths are relative to it, and its tokenizer applies
/// to its model only.
#[test]
fn the_users_config_file_can_name_a_model() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("wolfgang");
    std::fs::create_dir(&folder).unwrap();
    for file in ["config.json", "model.bpk", "tokenizer.json"] {
        let from = repository("models/faust").join(file);
        std::fs::copy(from, folder.join(file)).unwrap();
    }
    std::fs::create_dir(folder.join("faust")).unwrap();
    for file in ["config.json", "model.bpk"] {
        std::fs::rename(folder.join(file), folder.join("faust").join(file)).unwrap();
    }
    let toml = "[model]\nmodel = \"faust\"\ntokenizer = \"tokenizer.json\"\n";
    std::fs::write(folder.join("config.toml"), toml).unwrap();
    let run = |args: &[&str]| {
        let mut command = generate(&[PROMPT, "--seed", "1", "--max-new-tokens", "3"]);
        command
            .env_remove("WOLFGANG_CONFIG")
            .env("XDG_CONFIG_HOME", home.path());
        command.args(args).output().unwrap()
    };
    assert!(!stdout(&run(&[])).is_empty());
    let other = repository("tests/fixtures/hf_export/hf");
    // Were the file's tokenizer taken for this model, it would not fit.
    assert!(!stdout(&run(&["--model", other.to_str().unwrap()])).is_empty());
    std::fs::remove_dir_all(folder.join("faust")).unwrap();
    assert!(stderr(&run(&[])).contains("faust"));
}

#[test]
fn config_errors_are_one_line_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let name = path.display();
    let cases = [
        (
            "[sampling]\ntemperture = 1\n",
            format!("{name}:2: unknown field `temperture`"),
        ),
        ("lang = \"fr\"\n", format!("{name}:1: unknown variant `fr`")),
        (
            "\n[model]\ndevice = \"toaster\"\n",
            format!("{name}:3: unknown device \"toaster\""),
        ),
        ("[sampling\n", format!("{name}:1: ")),
        (
            "[sampling]\ntemperature = -1\n",
            "temperature is -1, but".to_owned(),
        ),
    ];
    for (toml, expected) in cases {
        std::fs::write(&path, toml).unwrap();
        let output = generate(&["a"])
            .env("WOLFGANG_CONFIG", &path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{toml}");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let missing = generate(&["a", "--config", "no/such/file.toml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("no/such/file.toml"));
}

#[test]
fn finish_reasons_are_reported_with_their_details() {
    let free = finished("3", &["--max-new-tokens", "60"]);
    let text = free["text"].as_str().unwrap();
    let line = text.trim_start().lines().next().unwrap();
    let stop: String = line
        .chars()
        .rev()
        .take(5)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    let cut = finished("3", &["--stop", "nirgends", "--stop", &stop]);
    assert_eq!(
        (&cut["reason"], &cut["stop_string"]),
        (&"stop_string".into(), &1.into())
    );
    assert_eq!(cut["text"], text[..text.find(&stop).unwrap()]);
    let kept = finished("3", &["--stop", &stop, "--keep-stop"]);
    assert_eq!(kept["text"], text[..text.find(&stop).unwrap() + stop.len()]);
    let late = finished("3", &["--max-time", "0"]);
    assert_eq!(
        (&late["reason"], &late["text"]),
        (&"max_time".into(), &"".into())
    );
    for (args, expected) in [
        (&["--max-time", "-1"][..], "--max-time is -1, but"),
        (
            &["--min-new-tokens", "5", "--max-new-tokens", "4"],
            "min_new_tokens is 5, but it must be at most max_new_tokens (4)",
        ),
        (&["--stop", ""], "stop string 0 is empty"),
        (
            &["--allow-token", "5", "--ban-token", "5"],
            "allowed_tokens and banned_tokens conflict",
        ),
        (&["--logprobs", "3"], "--json"),
        (&["--samples", "0"], "--samples"),
    ] {
        let output = run(&[&["a"], args].concat());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?} {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn min_new_tokens_delays_the_end_of_text() {
    let ends_at_once = ["--max-new-tokens", "20", "--logit-bias", "0=1000"];
    let generated = |more: &[&str]| {
        let json = finished("3", &[&ends_at_once[..], more].concat());
        assert_eq!(json["reason"], "end_of_text");
        json["generated_tokens"].as_u64().unwrap()
    };
    assert_eq!(generated(&[]), 0);
    assert_eq!(generated(&["--min-new-tokens", "15"]), 15);
}

#[test]
fn samples_equal_the_texts_of_their_seeds() {
    let alone =
        |seed: &str| stdout(&run(&[PROMPT, "--seed", seed, "--max-new-tokens", "25"])).to_owned();
    let expected = ["7", "8", "9"].map(alone);
    let args = [
        PROMPT,
        "--seed",
        "7",
        "--max-new-tokens",
        "25",
        "--samples",
        "3",
    ];
    assert_eq!(stdout(&run(&args)), expected.join("\n---\n"));
    let lines = run(&[&args[..], &["--json"]].concat());
    let lines = stdout(&lines)
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let mut texts = [const { String::new() }; 3];
    let mut ends = 0;
    for line in lines {
        let sample = line["sample"].as_u64().unwrap() as usize;
        if line["type"] == "text" {
            texts[sample].push_str(line["text"].as_str().unwrap());
        } else {
            assert_eq!(line["seed"], 7 + sample);
            ends += 1;
        }
    }
    assert_eq!((texts, ends), (expected, 3));
}

#[test]
fn logprobs_equal_those_of_the_library() {
    let options = GenerateOptions::default()
        .with_max_new_tokens(4)
        .with_seed(3)
        .with_logprobs(2);
    let expected = faust().generate_text(PROMPT, &options).unwrap();
    let json = finished("3", &["--max-new-tokens", "4", "--logprobs", "2"]);
    let tokens = json["logprobs"].as_array().unwrap();
    assert_eq!(tokens.len(), expected.logprobs.len());
    for (found, expected) in tokens.iter().zip(&expected.logprobs) {
        assert_eq!(found["id"], expected.chosen.id);
        assert_eq!(
            found["model"].as_f64().unwrap() as f32,
            expected.chosen.model
        );
        assert_eq!(
            found["sampled"].as_f64().unwrap() as f32,
            expected.chosen.sampled
        );
        assert_eq!(found["alternatives"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn verbosity_selects_the_messages() {
    let args = ["Der Preis: 3 €", "--max-new-tokens", "1", "--seed", "1"];
    let normal = run(&args);
    assert_eq!(
        stderr(&normal),
        "warning: the model's vocabulary lacks characters of the prompt, which were dropped: €\n"
    );
    let quiet = run(&[&args[..], &["--quiet"]].concat());
    assert_eq!(stderr(&quiet), "");
    let verbose = run(&[&args[..], &["--verbose"]].concat());
    assert!(
        stderr(&verbose).contains("[seed 1, 1 tokens, "),
        "{}",
        stderr(&verbose)
    );
}

#[test]
fn completions_and_man_pages_cover_every_command() {
    let commands = [
        "generate", "chat", "explain", "score", "tokenize", "convert", "inspect", "devices",
        "bench",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = wolfgang().args(["completions", shell]).output().unwrap();
        let script = stdout(&output);
        assert!(
            commands.iter().all(|command| script.contains(command)),
            "{shell}"
        );
        assert!(script.contains("repetition-penalty"), "{shell}");
        assert!(
            !script.contains("bench-case"),
            "{shell} offers what is hidden"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    let output = wolfgang().arg("man").arg(&pages).output().unwrap();
    assert_eq!(stdout(&output), "");
    for command in commands {
        let page = std::fs::read_to_string(pages.join(format!("wolfgang-{command}.1"))).unwrap();
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{command}");
    }
    assert!(!pages.join("wolfgang-bench-case.1").exists());
}
