//! The sampling settings of a model: `generation_config.json`, `--preset model` and `inspect`.

use crate::fixtures::{fixture, wolfgang};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, GenerationConfig, Target, convert};
use wolfgang_generate::{Device, GenerateOptions, SamplingParams, WolfgangGenerator};

/// A Hugging Face folder of a tiny model with this `generation_config.json`.
fn model(settings: Option<Json>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let source = fixture("hf_export/hf").join(name);
        std::fs::copy(source, folder.path().join(name)).unwrap();
    }
    if let Some(settings) = settings {
        let path = folder.path().join("generation_config.json");
        std::fs::write(path, settings.to_string()).unwrap();
    }
    folder
}

fn settings() -> Json {
    json!({"eos_token_id": 0, "do_sample": true, "temperature": 0.3, "top_k": 7,
        "repetition_penalty": 1.25})
}

fn recommended() -> SamplingParams {
    SamplingParams::default()
        .with_temperature(0.3)
        .with_top_k(7)
        .with_top_p(None)
        .with_repetition_penalty(1.25)
        .with_repetition_window(usize::MAX)
}

fn sampling(folder: &Path) -> Option<SamplingParams> {
    let opened = WolfgangGenerator::builder(folder).open().unwrap();
    opened.sampling().unwrap()
}

/// Exit code, standard output and standard error of `generate`.
fn generate(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = wolfgang()
        .args([
            "generate",
            "Habe nun, ach!",
            "--seed",
            "3",
            "--max-new-tokens",
            "20",
        ])
        .args(["--preset", "model", "--model"])
        .arg(folder)
        .args(args)
        .output()
        .unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
    (output.status.code(), out, error)
}

fn expected(folder: &Path, sampling: SamplingParams) -> String {
    let generator = WolfgangGenerator::from_path(folder, &Device::flex()).unwrap();
    let options = GenerateOptions::default()
        .with_max_new_tokens(20)
        .with_seed(3)
        .with_sampling(sampling);
    generator
        .generate_text("Habe nun, ach!", &options)
        .unwrap()
        .text
}

#[test]
fn the_preset_has_the_settings_of_the_model_and_options_override_them() {
    let folder = model(Some(settings()));
    let folder = folder.path();
    assert_eq!(sampling(folder), Some(recommended()));
    let (code, text, error) = generate(folder, &[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(text, expected(folder, recommended()));
    let (_, text, _) = generate(folder, &["--temperature", "2", "--top-k", "0"]);
    let changed = recommended().with_temperature(2.0).with_top_k(None);
    assert_eq!(text, expected(folder, changed));
}

#[test]
fn without_do_sample_decoding_is_greedy() {
    for settings in [
        json!({"temperature": 0.7, "repetition_penalty": 1.25}),
        json!({"do_sample": false, "repetition_penalty": 1.25}),
    ] {
        let folder = model(Some(settings));
        let greedy = sampling(folder.path()).unwrap();
        assert!(greedy.is_greedy() && greedy.repetition_penalty == 1.25);
        let (code, text, _) = generate(folder.path(), &[]);
        assert_eq!(code, Some(0));
        assert_eq!(text, expected(folder.path(), greedy));
    }
}

#[test]
fn a_model_without_settings_is_a_usage_error_with_the_next_step() {
    let folder = model(None);
    assert_eq!(sampling(folder.path()), None);
    let (code, _, error) = generate(folder.path(), &[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("generation_config.json, but "), "{error}");
    assert!(
        error.contains("choose goethe, greedy or creative"),
        "{error}"
    );
    let output = wolfgang()
        .args(["chat", "--preset", "model"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("the built-in model has none"), "{error}");
}

#[test]
fn invalid_settings_are_errors_that_name_file_field_and_value() {
    for (settings, expected) in [
        (
            json!({"do_sample": true, "temperature": -1}),
            "temperature is -1, but it must be",
        ),
        (json!({"top_p": 1.5}), "top_p is 1.5, but it must be"),
        (
            json!({"top_k": "many"}),
            "top_k is \"many\", which is not supported",
        ),
    ] {
        let folder = model(Some(settings));
        let (code, _, error) = generate(folder.path(), &[]);
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains("generation_config.json: "), "{error}");
        assert!(error.contains(expected), "{error}");
        // Other presets do not read them.
        let greedy = wolfgang()
            .args([
                "generate",
                "Ach",
                "--max-new-tokens",
                "1",
                "--preset",
                "greedy",
                "--model",
            ])
            .arg(folder.path())
            .output();
        assert_eq!(greedy.unwrap().status.code(), Some(0));
    }
}

#[test]
fn settings_that_have_no_effect_are_a_warning() {
    let folder = model(Some(json!({"num_beams": 4, "max_length": 9})));
    let (code, _, error) = generate(folder.path(), &[]);
    assert_eq!(code, Some(0));
    assert!(
        error.starts_with("warning: ") && error.contains("num_beams"),
        "{error}"
    );
    assert!(!error.contains("max_length"), "{error}");
}

#[test]
fn inspect_prints_the_settings_or_what_is_wrong_with_them() {
    let inspect = |settings: Json, args: &[&str]| {
        let folder = model(Some(settings));
        let output = wolfgang()
            .arg("inspect")
            .arg(folder.path())
            .args(args)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let found: Json = serde_json::from_str(&inspect(settings(), &["--json"])).unwrap();
    assert_eq!(
        found["sampling"],
        json!({"do_sample": true, "temperature": 0.3, "top_k": 7, "top_p": 1.0, "min_p": null,
            "typical_p": 1.0, "repetition_penalty": 1.25, "no_repeat_ngram_size": null,
            "unused": []})
    );
    let text = inspect(settings(), &[]);
    assert!(text.contains("temperature 0.3"), "{text}");
    let invalid = inspect(json!({"temperature": -1}), &["--json"]);
    assert!(invalid.contains("temperature is -1"), "{invalid}");
}

#[test]
fn conversions_keep_the_settings() {
    let folder = model(Some(settings()));
    let out = tempfile::tempdir().unwrap();
    let convert = |source: &Path, name: &str, target| -> PathBuf {
        let folder = out.path().join(name);
        let options = ConvertOptions::default().with_target(target);
        convert(
            &Checkpoint::open(source).unwrap(),
            &folder,
            &options,
            &mut (),
        )
        .unwrap();
        folder
    };
    let native = convert(folder.path(), "native", Target::Native);
    let back = convert(&native, "back", Target::HuggingFace);
    for folder in [&native, &back] {
        assert_eq!(sampling(folder), Some(recommended()));
        assert_eq!(Checkpoint::open(folder).unwrap().end_ids(), [0]);
    }
    // A native folder of a model without settings has no such file.
    let folder = model(Some(json!({"eos_token_id": 0})));
    let native = convert(folder.path(), "without", Target::Native);
    assert_eq!(GenerationConfig::beside(native).unwrap(), None);
}
