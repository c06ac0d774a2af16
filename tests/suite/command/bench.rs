//! The output of `wolfgang bench`. No test depends on how fast the machine is.

use crate::fixtures::{repository, wolfgang};
use serde_json::Value as Json;
use std::process::Output;

fn bench(more: &[&str]) -> Output {
    let mut command = wolfgang();
    command.args([
        "bench",
        "--device",
        "flex",
        "--repetitions",
        "2",
        "--tokens",
        "3",
    ]);
    command.arg("--model").arg(repository("models/faust"));
    command.args(more).output().unwrap()
}

fn told(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn objects(arguments: &[&str]) -> Vec<Json> {
    let written = told(bench(&[&["--json"], arguments].concat()));
    let lines = written.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn there_is_one_object_for_each_combination_of_dtype_and_threads() {
    let short = ["--prefill", "8", "--depth", "0", "--sequences", "1"];
    let objects = objects(&[&["--dtype", "f32,int8", "--threads", "1,2"], &short[..]].concat());
    let of = |field: &'static str| objects.iter().map(move |object| object[field].clone());
    assert!(of("dtype").eq(["f32", "f32", "int8", "int8"]));
    assert!(of("threads").eq([1, 2, 1, 2]));
    let [f32, int8] = [0, 2].map(|place| objects[place]["weight_bytes"].as_f64().unwrap());
    assert_eq!(f32, 4.0 * 5_475_584.0);
    assert!((0.25..0.27).contains(&(int8 / f32)), "{int8} of {f32}");
}

#[test]
fn figures_of_the_default_runs_are_consistent() {
    let objects = objects(&["--dtype", "int8", "--threads", "1"]);
    assert_eq!(objects.len(), 1);
    for object in &objects {
        let median = |field: &str| object[field]["median"].as_f64().unwrap();
        assert!(median("load_seconds") > 0.0);
        assert!(median("load_seconds") < median("first_token_seconds"));
        assert_eq!(object["first_token_prompt"], 256);
        if cfg!(target_os = "linux") {
            assert!(median("peak_memory_bytes") > object["weight_bytes"].as_f64().unwrap());
        }
        for (list, at) in [("prefill", &[224][..]), ("decode", &[32, 224])] {
            let list = object[list].as_array().unwrap();
            assert!(
                list.iter().map(|rate| &rate["at"]).eq(at.iter()),
                "{list:?}"
            );
            for rate in list {
                let [share, speed] = ["of_limit", "tokens_per_second"].map(|field| {
                    let [min, median, max] =
                        ["min", "median", "max"].map(|which| rate[field][which].as_f64().unwrap());
                    assert!(0.0 < min && min <= median && median <= max, "{rate}");
                    median
                });
                assert!(share < speed, "{rate}");
            }
        }
        let together = object["together"].as_array().unwrap();
        assert_eq!(together.len(), 1);
        assert_eq!(
            (&together[0]["sequences"], &together[0]["at"]),
            (&8.into(), &32.into())
        );
        for field in ["tokens_per_second", "times_one"] {
            assert!(together[0][field]["median"].as_f64().unwrap() > 0.0);
        }
        let steps = object["steps"].as_array().unwrap();
        let names = steps.iter().map(|step| step["step"].as_str().unwrap());
        assert!(names.clone().any(|name| name == "attention") && names.count() == 10);
        assert!(
            steps
                .iter()
                .all(|step| step["seconds"].as_f64().unwrap() >= 0.0)
        );
    }
}

#[test]
fn without_json_the_output_is_a_table() {
    let told = told(bench(&["--depth", "100,0", "--prefill", "8,16"]));
    let lines: Vec<&str> = told.lines().collect();
    let cells = |line: &str| line.split('|').count();
    assert!(
        lines.iter().all(|line| cells(line) == cells(lines[0])),
        "{told}"
    );
    for what in [
        "weights in memory",
        "prefill of 8 ",
        "prefill of 16 ",
        "decode at 0 ",
        "decode at 100 ",
        "8 at 100 together ",
    ] {
        let rows = lines.iter().filter(|line| line.contains(what)).count();
        assert_eq!(rows, 1, "{what}: {told}");
    }
}

#[test]
fn impossible_measurements_are_one_line_errors() {
    for (arguments, code, expected) in [
        (
            &["--depth", "254"][..],
            2,
            "error: --depth is 254, but decoding 3 tokens from there exceeds the model's context of 256 tokens\n",
        ),
        (
            &["--prefill", "257"],
            2,
            "error: --prefill is 257, but the model's context is 256 tokens\n",
        ),
        (
            &["--prefill", "0"],
            2,
            "error: --prefill is 0, but it must be at least 1\n",
        ),
        (
            &["--sequences", "4,257"],
            2,
            "error: --sequences is 257, but it must be at most 256\n",
        ),
        (
            &["--threads", "100000"],
            2,
            "failed to measure flex in f32: ",
        ),
    ] {
        let output = bench(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty());
    }
}
