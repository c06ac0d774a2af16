//! Hugging Face folders as other tools leave them behind.

use crate::fixtures::{fixture, wolfgang};
use safetensors::SafeTensors;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use wolfgang_generate::ModelConfig;

pub(super) const CONFIG: &str = "config.json";
pub(super) const GENERATION: &str = "generation_config.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
const BOM: &[u8] = b"\xef\xbb\xbf";

pub(super) fn case(name: &str) -> std::path::PathBuf {
    fixture("cases").join(name)
}

/// A copy of one of the cases that can be changed.
pub(super) fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(case(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

pub(super) fn change(folder: &TempDir, file: &str, change: impl FnOnce(&mut Json)) {
    let path = folder.path().join(file);
    let mut json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

/// Replaces a value as text: what Python writes is no JSON.
pub(super) fn replace(folder: &TempDir, file: &str, from: &str, to: &str) {
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

pub(super) fn generate(model: &Path) -> Command {
    let mut command = wolfgang();
    command.args([
        "generate",
        "Wer",
        "--seed",
        "7",
        "--max-new-tokens",
        "40",
        "--json",
    ]);
    command.arg("--model").arg(model);
    command
}

/// The last line of the output.
#[track_caller]
pub(super) fn finished(command: &mut Command) -> Json {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let lines = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(lines.lines().last().unwrap()).unwrap()
}

pub(super) fn ids(finished: &Json) -> Vec<u32> {
    serde_json::from_value(finished["ids"].clone()).unwrap()
}

#[track_caller]
pub(super) fn assert_continues_alike(model: &Path) {
    let expected = finished(&mut generate(&case("model")));
    assert_eq!(expected["ids"].as_array().unwrap().len(), 40);
    let found = finished(&mut generate(model));
    assert_eq!(
        (&found["ids"], &found["text"]),
        (&expected["ids"], &expected["text"])
    );
}

pub(super) fn refusal(path: &Path) -> String {
    error_of(wolfgang().arg("inspect").arg(path).output().unwrap())
}

#[track_caller]
pub(super) fn error_of(output: Output) -> String {
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    message
}

#[test]
fn infinity_in_config_is_read_where_it_does_not_matter() {
    assert_continues_alike(&case("hf_cfg_infinity"));
    for number in ["Infinity", "-Infinity", "NaN"] {
        let folder = copy("model");
        replace(
            &folder,
            CONFIG,
            "\"attention_bias\"",
            &format!("\"x\": {number},\n\"attention_bias\""),
        );
        replace(
            &folder,
            GENERATION,
            "\"use_cache\"",
            &format!("\"y\": [{number}], \"use_cache\""),
        );
        assert_continues_alike(folder.path());
    }
}

#[test]
fn infinity_in_config_is_named_with_its_field_where_it_matters() {
    for (field, value, number) in [
        ("rms_norm_eps", "1e-6", "Infinity"),
        ("vocab_size", "265", "NaN"),
        ("hidden_size", "16", "-Infinity"),
    ] {
        let folder = copy("model");
        let (from, to) = (
            format!("\"{field}\": {value}"),
            format!("\"{field}\": {number}"),
        );
        replace(&folder, CONFIG, &from, &to);
        let message = refusal(folder.path());
        assert!(
            message.contains(&format!("{field} is {number}, which is not supported")),
            "{message}"
        );
    }
    let folder = copy("model");
    replace(
        &folder,
        GENERATION,
        "\"eos_token_id\": 0",
        "\"eos_token_id\": NaN",
    );
    let message = refusal(folder.path());
    let expected = "generation_config.json: eos_token_id is NaN, which is not supported";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn rope_parameters_without_scaling_are_the_same_as_none() {
    assert_continues_alike(&case("hf_rope_scaling_default"));
    for group in ["rope_scaling", "rope_parameters"] {
        for rope in [
            json!(null),
            json!({}),
            json!({"type": "default"}),
            json!({"type": "dynamic", "factor": 2.0}),
            json!({"rope_type": "default", "type": "default", "factor": 1.0}),
            json!({"rope_type": "default", "rope_theta": 10000, "original_max_position_embeddings": null}),
        ] {
            let folder = copy("model");
            change(&folder, CONFIG, |config| config[group] = rope);
            assert_continues_alike(folder.path());
        }
        for (rope, expected) in [
            (
                json!({"type": "yarn", "factor": 2.0}),
                "type is \"yarn\", which is not supported; expected \"default\"",
            ),
            (
                json!({"rope_type": "llama3"}),
                "factor is null, which is not supported; expected a number",
            ),
            (
                json!({"beta": 1}),
                "beta is 1, which is not supported; expected no such field",
            ),
        ] {
            let folder = copy("model");
            change(&folder, CONFIG, |config| config[group] = rope);
            let message = refusal(folder.path());
            assert!(
                message.contains(&format!("{group}.{expected}")),
                "{message}"
            );
        }
    }
}

#[test]
fn git_lfs_pointers_are_named_in_the_error() {
    let pointer = std::fs::read(case("hf_lfs").join(WEIGHTS)).unwrap();
    let message = refusal(&case("hf_lfs"));
    for part in [
        "hf_lfs/model.safetensors is a git-lfs pointer",
        "`git lfs pull`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    for file in [CONFIG, GENERATION, "model.safetensors.index.json"] {
        let folder = copy("model");
        if file.ends_with("index.json") {
            std::fs::remove_file(folder.path().join(WEIGHTS)).unwrap();
        }
        std::fs::write(folder.path().join(file), &pointer).unwrap();
        let message = refusal(folder.path());
        assert!(
            message.contains(&format!("{file} is a git-lfs pointer")),
            "{message}"
        );
    }
    let folder = copy("model");
    std::fs::write(folder.path().join("tokenizer.json"), &pointer).unwrap();
    let message = error_of(generate(folder.path()).output().unwrap());
    assert!(
        message.contains("tokenizer.json is a git-lfs pointer"),
        "{message}"
    );

    let native = tempfile::tempdir().unwrap();
    std::fs::write(native.path().join(CONFIG), native_config()).unwrap();
    std::fs::write(native.path().join("model.bpk"), &pointer).unwrap();
    assert!(refusal(native.path()).contains("model.bpk is a git-lfs pointer"));
    let pt = native.path().join("checkpoint.pt");
    std::fs::write(&pt, &pointer).unwrap();
    assert!(refusal(&pt).contains("checkpoint.pt is a git-lfs pointer"));
}

fn native_config() -> String {
    let mut config = serde_json::to_value(ModelConfig::default()).unwrap();
    config["model_type"] = json!("wolfgang");
    config.to_string()
}

#[test]
fn weights_in_other_formats_are_named_with_what_to_do() {
    let message = refusal(&case("hf_bin_only"));
    assert!(
        message.contains("hf_bin_only/pytorch_model.bin holds weights"),
        "{message}"
    );
    assert!(message.contains("save_pretrained"), "{message}");
    for (file, step) in [
        ("pytorch_model.bin.index.json", "save_pretrained"),
        ("tf_model.h5", "save_pretrained"),
        ("flax_model.msgpack", "save_pretrained"),
        ("model.onnx", "the original repository of this model"),
        ("consolidated.00.pth", "convert_llama_weights_to_hf.py"),
    ] {
        for with_config in [true, false] {
            let folder = copy("model");
            std::fs::remove_file(folder.path().join(WEIGHTS)).unwrap();
            if !with_config {
                std::fs::remove_file(folder.path().join(CONFIG)).unwrap();
            }
            std::fs::write(folder.path().join(file), b"weights").unwrap();
            for path in [folder.path().to_path_buf(), folder.path().join(file)] {
                let message = refusal(&path);
                assert!(
                    message.contains(&format!("{file} holds weights in an unsupported format")),
                    "{message}"
                );
                assert!(message.contains(step), "{message}");
            }
        }
    }
}

#[test]
fn a_byte_order_mark_in_any_file_is_ignored() {
    let folder = copy("model");
    let weights = folder.path().join(WEIGHTS);
    std::fs::rename(&weights, folder.path().join("all.safetensors")).unwrap();
    let tensors = std::fs::read(folder.path().join("all.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&tensors).unwrap();
    let map: serde_json::Map<_, _> = tensors
        .names()
        .into_iter()
        .map(|name| (name.to_owned(), json!("all.safetensors")))
        .collect();
    let index = folder.path().join("model.safetensors.index.json");
    std::fs::write(&index, json!({ "weight_map": map }).to_string()).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "json") {
            let marked = [BOM, &std::fs::read(&path).unwrap()].concat();
            std::fs::write(path, marked).unwrap();
        }
    }
    assert_continues_alike(folder.path());
}

#[test]
fn a_byte_order_mark_before_text_configuration_and_conversation_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, [BOM, content.as_bytes()].concat()).unwrap();
        path
    };
    let text = file("bom.txt", "Wer");
    let tokenize = |command: &mut Command| {
        command.arg("--ids").arg("--model").arg(case("model"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(
        tokenize(wolfgang().args(["tokenize", "--file"]).arg(&text)),
        tokenize(wolfgang().args(["tokenize", "Wer"]))
    );
    let config = file("config.toml", "[sampling]\ntemperature = 0.0\n");
    let output = generate(&case("model"))
        .arg("--config")
        .arg(&config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");

    let saved = file("saved.json", r#"{"system":"","messages":[]}"#);
    let mut chat = wolfgang();
    chat.args(["chat", "--load"])
        .arg(&saved)
        .arg("--model")
        .arg(case("model"));
    let output = chat.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

pub(super) fn convert(from: &Path, to: &Path, more: &[&str]) -> Output {
    let mut command = wolfgang();
    command
        .arg("convert")
        .arg(from)
        .arg("--out")
        .arg(to)
        .args(more);
    command.output().unwrap()
}

#[track_caller]
pub(super) fn converted(from: &Path, to: &Path, more: &[&str]) -> String {
    let output = convert(from, to, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap() + &stderr
}

#[test]
fn loading_a_file_of_a_folder_is_refused_with_the_folder_to_name() {
    let folder = copy("model");
    let native = tempfile::tempdir().unwrap();
    converted(folder.path(), &native.path().join("n"), &[]);
    std::fs::write(folder.path().join("model.safetensors.index.json"), "{}").unwrap();
    std::fs::write(folder.path().join("model-00001-of-00002.safetensors"), "").unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(native.path().join("n/model.bpk"));
    assert_eq!(files.len(), 8);
    for file in &files {
        let parent = file.parent().unwrap().display();
        for command in ["inspect", "generate", "score", "convert"] {
            let mut command_line = wolfgang();
            command_line.arg(command);
            match command {
                "inspect" => command_line.arg(file),
                "convert" => command_line.arg(file).args(["--out", "x"]),
                _ => command_line.args(["Wer", "--model"]).arg(file),
            };
            let message = error_of(command_line.output().unwrap());
            let expected =
                format!("is a single file of a model folder; pass the folder, {parent}\n");
            assert!(message.ends_with(&expected), "{command}: {message}");
        }
    }
    let mut here = wolfgang();
    here.args(["inspect", WEIGHTS]).current_dir(folder.path());
    let message = error_of(here.output().unwrap());
    assert!(message.ends_with("pass the folder, .\n"), "{message}");
}

#[test]
fn replacing_a_folder_keeps_its_tokenizer_if_it_fits() {
    let alone = copy("model");
    std::fs::remove_file(alone.path().join("tokenizer.json")).unwrap();
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("target");
    converted(&case("model"), &target, &[]);
    let told = converted(alone.path(), &target, &["--force"]);
    assert!(
        told.contains("kept     tokenizer.json of the replaced folder, which fits"),
        "{told}"
    );
    assert_continues_alike(&target);

    // One that does not fit is removed, with a message.
    let other = crate::fixtures::repository("models/faust/tokenizer.json");
    std::fs::copy(other, target.join("tokenizer.json")).unwrap();
    let told = converted(alone.path(), &target, &["--force"]);
    let expected = "tokenizer.json is not kept: the tokenizer has 4096 tokens";
    assert!(told.contains(expected), "{told}");
    assert!(!target.join("tokenizer.json").exists());

    // The input's own comes first.
    let told = converted(&case("model"), &target, &["--force"]);
    assert!(!told.contains("kept"), "{told}");
    assert_continues_alike(&target);
}

#[test]
fn a_new_folder_gets_no_tokenizer_from_the_parent_folder() {
    let alone = copy("model");
    let tokenizer = alone.path().join("tokenizer.json");
    let out = tempfile::tempdir().unwrap();
    std::fs::rename(tokenizer, out.path().join("tokenizer.json")).unwrap();
    let target = out.path().join("target");
    let told = converted(alone.path(), &target, &["--force"]);
    assert!(!told.contains("kept"), "{told}");
    assert!(!target.join("tokenizer.json").exists());
}

#[test]
fn an_empty_folder_is_written_to_without_force() {
    let out = tempfile::tempdir().unwrap();
    converted(&case("model"), out.path(), &[]);
    assert_continues_alike(out.path());
    let mut names: Vec<_> = std::fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    let expected = [
        "config.json",
        "model.bpk",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names, expected);
    let again = error_of(convert(&case("model"), out.path(), &[]));
    assert!(again.contains("already exists"), "{again}");

    let with_folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(with_folder.path().join("x")).unwrap();
    let error = error_of(convert(&case("model"), with_folder.path(), &[]));
    assert!(error.contains("already exists"), "{error}");
}
