//! Values of options, environment variables and the configuration file.

use crate::command::generate::{PROMPT, generate, run};
use crate::command::input::{SHORT, json, stderr, stdout};
use crate::fixtures::{faust, fixture, repository, wolfgang};
use serde_json::Value as Json;

/// JSON's numbers are doubles for JavaScript and jq.
#[test]
fn drawn_seeds_are_exact_as_doubles() {
    let finished = ["--json", "--no-stream", "--max-new-tokens", "1"];
    let output = run(&[&[PROMPT, "--samples", "32"], &finished[..]].concat());
    let text = stdout(&output);
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let seeds: Vec<u64> = lines.map(|line| line["seed"].as_u64().unwrap()).collect();
    assert!(seeds.iter().all(|seed| *seed < 1 << 53), "{seeds:?}");
    let largest = u64::MAX.to_string();
    let given = run(&[&[PROMPT, "--seed", &largest], &finished[..]].concat());
    assert_eq!(json(&given)["seed"], u64::MAX);
}

#[test]
fn minus_one_means_a_random_seed_and_no_limit() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let finished = |args: &[&str], toml: &str| {
        std::fs::write(&config, toml).unwrap();
        let args = [&[PROMPT, "--json", "--no-stream"], args].concat();
        let output = generate(&args).env("WOLFGANG_CONFIG", &config).output();
        json(&output.unwrap())
    };
    let seed = "[sampling]\nseed = 7\n";
    assert_eq!(finished(&["--max-new-tokens", "1"], seed)["seed"], 7);
    for (args, toml) in [
        (&["--seed", "-1"][..], seed),
        (&["--seed=-1"], seed),
        (&[], "[sampling]\nseed = -1\n"),
    ] {
        let [first, second] = [(); 2].map(|()| {
            let args = [&["--max-new-tokens", "1"], args].concat();
            finished(&args, toml)["seed"].as_u64().unwrap()
        });
        assert_ne!(first, second, "{args:?} {toml:?}");
    }

    let off = finished(&[&SHORT[..], &["--top-k", "0"]].concat(), "");
    for (args, toml) in [
        (&["--top-k", "-1"][..], ""),
        (&["--top-k=-1"], ""),
        (&[], "[sampling]\ntop-k = -1\n"),
    ] {
        let found = finished(&[&SHORT[..], args].concat(), toml);
        assert_eq!(found["ids"], off["ids"], "{args:?} {toml:?}");
    }

    for (args, toml) in [
        (&["--max-new-tokens", "-1"][..], ""),
        (&[], "[length]\nmax-new-tokens = -1\n"),
    ] {
        let args = [&["--seed", "1", "--ignore-eos"], args].concat();
        let whole = finished(&args, toml);
        assert_eq!(whole["reason"], "context_full", "{args:?}");
        let tokens =
            ["prompt_tokens", "generated_tokens"].map(|name| whole[name].as_u64().unwrap());
        let block_size = faust().model().config().block_size as u64;
        assert!(tokens.iter().sum::<u64>() >= block_size, "{tokens:?}");
    }
}

#[test]
fn invalid_numbers_are_refused_with_the_valid_range() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    for (args, expected) in [
        (
            ["--seed", "-2"],
            "it must be an integer from 0 to 2^64 - 1, or -1",
        ),
        (
            ["--top-k", "1.5"],
            "it must be an integer from 0 to 2^64 - 1, or -1",
        ),
        (
            ["--max-new-tokens", "-2"],
            "it must be an integer from 0 to 2^64 - 1, or -1",
        ),
        (["--threads", "-1"], "omit it for one thread per core"),
        (["--threads", "0"], "omit it for one thread per core"),
    ] {
        let output = run(&[&[PROMPT][..], &args].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    std::fs::write(&config, "[sampling]\n\nseed = -2\n").unwrap();
    let output = generate(&[PROMPT])
        .env("WOLFGANG_CONFIG", &config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let expected = "config.toml:3: -2 is given, but it must be an integer";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn an_empty_variable_is_as_if_unset() {
    let names = [
        "MODEL",
        "TOKENIZER",
        "DEVICE",
        "DTYPE",
        "THREADS",
        "PRESET",
        "LANG",
        "CONFIG",
    ];
    let expected = stdout(&run(&[&[PROMPT], &SHORT[..]].concat()));
    for name in names {
        let mut command = generate(&[&[PROMPT], &SHORT[..]].concat());
        // No file of this machine's user.
        command.env("XDG_CONFIG_HOME", fixture("cases"));
        command.env(format!("WOLFGANG_{name}"), "");
        assert_eq!(stdout(&command.output().unwrap()), expected, "{name}");
    }
    let devices = wolfgang()
        .args(["tokenize", "a"])
        .env("WOLFGANG_MODEL", "")
        .output();
    assert_eq!(devices.unwrap().status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_configuration_folder_that_cannot_be_entered_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let link = folder.path().join("loop");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    for home in [&file, &link] {
        let mut command = generate(&[&[PROMPT], &SHORT[..]].concat());
        command
            .env_remove("WOLFGANG_CONFIG")
            .env("XDG_CONFIG_HOME", home);
        let output = command.output().unwrap();
        assert!(!stdout(&output).is_empty());
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        let path = home.join("wolfgang/config.toml");
        let begin = format!(
            "warning: failed to read the configuration file {}: ",
            path.display()
        );
        assert!(said.starts_with(&begin), "{said}");
        assert!(said.ends_with("; its options are ignored\n"), "{said}");
        let quiet = command.arg("--quiet").output().unwrap();
        assert_eq!(stderr(&quiet), "");
    }
    // What is named must be there.
    let named = file.join("config.toml");
    let output = generate(&[PROMPT])
        .env("WOLFGANG_CONFIG", named)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_tilde_in_the_configuration_file_and_in_variables_is_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let model = home.path().join("faust");
    std::fs::create_dir(&model).unwrap();
    for file in ["config.json", "model.bpk", "tokenizer.json"] {
        std::fs::copy(repository("models/faust").join(file), model.join(file)).unwrap();
    }
    let config = home.path().join("config.toml");
    std::fs::write(
        &config,
        "[model]\nmodel = \"~/faust\"\ntokenizer = \"~/faust/tokenizer.json\"\n",
    )
    .unwrap();
    let expected = stdout(&run(&[&[PROMPT], &SHORT[..]].concat()));
    let run = |variables: &[(&str, &str)]| {
        let mut command = generate(&[&[PROMPT], &SHORT[..]].concat());
        command.env("HOME", home.path()).current_dir(&elsewhere);
        command.envs(variables.iter().copied());
        stdout(&command.output().unwrap())
    };
    assert_eq!(run(&[("WOLFGANG_CONFIG", "~/config.toml")]), expected);
    assert_eq!(run(&[("WOLFGANG_MODEL", "~/faust")]), expected);
}

#[test]
fn unknown_options_are_errors_with_a_tip_that_works() {
    for (args, expected) in [
        (
            &["-Wer"][..],
            "tip: a text that begins with a dash goes last, after `--`",
        ),
        (
            &["-Wer", "--seed", "1"],
            "tip: a text that begins with a dash goes last, after `--`",
        ),
        (
            &["--", "-Wer", "--seed", "1"],
            "tip: options go before `--`",
        ),
        (
            &["--temperture", "0"],
            "tip: a similar argument exists: '--temperature'",
        ),
        (
            &["- Faust", "--temperture", "0"],
            "tip: a similar argument exists: '--temperature'",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(expected),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[cfg(unix)]
#[test]
fn a_leading_tilde_is_the_home_folder_in_every_path_argument() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(home.path().join("poem.txt"), "Wer reitet").unwrap();
    let run = |args: &[&str]| {
        let mut command = wolfgang();
        command
            .env("HOME", home.path())
            .current_dir(elsewhere.path());
        command.args(args).output().unwrap()
    };
    for args in [
        &["score", "--file=~/poem.txt"][..],
        &["tokenize", "--file", "~/poem.txt"],
        &["man", "~/man"],
        &[
            "explain",
            "Wer",
            "--html=~/page.html",
            "--max-new-tokens",
            "2",
        ],
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?} {}",
            stderr(&output)
        );
    }
    assert!(home.path().join("man/wolfgang.1").is_file());
    assert!(home.path().join("page.html").is_file());
    let absent = home.path().join("absent.pt");
    for args in [
        &["inspect", "~/absent.pt"][..],
        &["convert", "~/absent.pt", "--out=~/out"],
        &["bench", "--model=~/absent.pt"],
    ] {
        let output = run(args);
        let message = stderr(&output);
        assert!(
            message.contains(absent.to_str().unwrap()),
            "{args:?} {message}"
        );
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn an_invalid_variable_is_named_in_the_error() {
    for (variable, value) in [
        ("WOLFGANG_THREADS", "x"),
        ("WOLFGANG_DTYPE", "f8"),
        ("WOLFGANG_DEVICE", "abacus"),
        ("WOLFGANG_PRESET", "none"),
        ("WOLFGANG_LANG", "fr"),
    ] {
        let output = generate(&[PROMPT]).env(variable, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let expected = format!("invalid value '{value}' for 'the environment variable {variable}'");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
    let output = generate(&[PROMPT, "--threads", "y"])
        .env("WOLFGANG_THREADS", "x")
        .output();
    let output = output.unwrap();
    assert!(
        stderr(&output).contains("'y' for '--threads <N>'"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn counts_out_of_range_are_refused_with_the_valid_range() {
    for (args, expected) in [
        (["-n", "-1"], "a positive integer"),
        (["-n", "0"], "a positive integer"),
        (["--no-repeat-ngram", "-1"], "a non-negative integer"),
        (["--min-new-tokens", "x"], "a non-negative integer"),
    ] {
        let output = run(&[&[PROMPT][..], &args].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let output = run(&[PROMPT, "--json", "--logprobs", "-1"]);
    assert!(
        stderr(&output).contains("a non-negative integer"),
        "{}",
        stderr(&output)
    );
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    for (toml, expected) in [
        (
            "[model]\nthreads = -1\n",
            "-1 is given, but it must be a positive integer",
        ),
        (
            "[model]\nthreads = 0\n",
            "0 is given, but it must be a positive integer",
        ),
        (
            "[length]\nmin-new-tokens = -1\n",
            "-1 is given, but it must be a non-negative integer",
        ),
    ] {
        std::fs::write(&config, toml).unwrap();
        let output = generate(&[PROMPT])
            .env("WOLFGANG_CONFIG", &config)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn tips_for_unknown_options_keep_the_text_and_name_what_is_meant() {
    let output = run(&["--wer=ich bin"]);
    let tip = "after `--`: wolfgang generate -- \"--wer=ich bin\"";
    assert!(stderr(&output).contains(tip), "{}", stderr(&output));
    let output = run(&[PROMPT, "--greedy"]);
    let message = stderr(&output);
    assert!(
        message.contains("--preset greedy, or --temperature 0"),
        "{message}"
    );
    assert!(!message.contains("--seed"), "{message}");
}

#[test]
fn a_greedy_text_has_no_seed_in_its_closing_line() {
    for args in [&["--preset", "greedy"][..], &["--temperature", "0"]] {
        let output = run(&[&[PROMPT, "--verbose", "--max-new-tokens", "2"], args].concat());
        stdout(&output);
        let message = stderr(&output);
        assert!(message.contains("[2 tokens, "), "{message}");
    }
}

#[test]
fn cache_types_in_the_help_are_those_that_are_accepted() {
    let help = stdout(&run(&["--help"]));
    let (_, option) = help.split_once("--cache-dtype").unwrap();
    let (option, _) = option.split_once("--threads").unwrap();
    assert!(
        option.contains("f16") && !option.contains("bf16"),
        "{option}"
    );
    assert!(!option.contains("int8"), "{option}");
    let output = run(&[PROMPT, "--cache-dtype", "bf16"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "invalid value 'bf16' for '--cache-dtype <f32|f16>'";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn ids_are_separated_by_commas_or_white_space() {
    let output = |ids: &str| run(&[&["--prompt-ids", ids], &SHORT[..]].concat());
    let expected = stdout(&output("200,17,300"));
    for ids in [
        "200, 17, 300",
        "200 17 300",
        "200\n17\n300\n",
        "[200, 17, 300]",
        " 200 ,17,300 ",
    ] {
        assert_eq!(stdout(&output(ids)), expected, "{ids:?}");
        let decoded = wolfgang()
            .args(["tokenize", "--decode", ids])
            .output()
            .unwrap();
        assert!(!stdout(&decoded).is_empty(), "{ids:?}");
    }
    for (ids, found) in [("200,,17", "\",\""), ("200;17", "\"200;17\""), ("", "none")] {
        let output = output(ids);
        assert_eq!(output.status.code(), Some(2), "{ids:?}");
        let expected = format!("such as 1,2 or [1, 2], found {found}");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
}
