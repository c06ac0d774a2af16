//! The files besides the model that conversions write: tokenizer, chat template and settings.

use crate::fixtures::{fixture, repository, wolfgang};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, GenerationConfig, Target, convert};
use wolfgang_generate::{Device, GenerateOptions, SamplingParams, WolfgangGenerator};

fn converted(input: &Path, out: PathBuf, options: &ConvertOptions) -> PathBuf {
    convert(&Checkpoint::open(input).unwrap(), &out, options, &mut ()).unwrap();
    out
}

fn load(model: &Path) -> WolfgangGenerator {
    WolfgangGenerator::from_path(model, &Device::flex()).unwrap()
}

fn greedy_text(generator: &WolfgangGenerator) -> String {
    let sampling = SamplingParams::default()
        .with_temperature(0.0)
        .with_repetition_penalty(1.0);
    let options = GenerateOptions::default()
        .with_max_new_tokens(20)
        .with_ignore_eos(true)
        .with_sampling(sampling);
    let text = generator.generate_text("abc", &options).unwrap().text;
    assert!(!text.is_empty());
    text
}

/// The names of the files in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_gguf_file_and_the_folders_made_of_it_need_no_other_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["llama", "qwen2", "qwen3"] {
        let model = fixture(&format!("gguf/{name}.gguf"));
        let direct = load(&model);
        assert_eq!(direct.end_ids(), [15]);
        assert_eq!(direct.tokenizer().eos_id(), Some(15));
        let text = greedy_text(&direct);
        for target in [Target::Native, Target::HuggingFace] {
            let out = folder.path().join(format!("{name} {target:?}"));
            let options = ConvertOptions::default().with_target(target);
            let out = converted(&model, out, &options);
            let ours = load(&out);
            assert_eq!(greedy_text(&ours), text, "{name} {target:?}");
            assert_eq!(ours.end_ids(), [15]);
            assert_eq!(ours.tokenizer().bos_id(), direct.tokenizer().bos_id());
            assert!(ours.tokenizer().chat_template().is_some());
        }
    }
}

#[test]
fn the_embedded_tokenizer_can_be_replaced_or_omitted() {
    let folder = tempfile::tempdir().unwrap();
    let model = fixture("gguf/llama.gguf");
    let without = ConvertOptions::default().with_embedded_tokenizer(false);
    let out = converted(&model, folder.path().join("without"), &without);
    assert_eq!(names(&out), ["config.json", "model.bpk"]);
    let other = fixture("tokenizers/smollm.json");
    let with = ConvertOptions::default().with_tokenizer(other.clone());
    let out = converted(&model, folder.path().join("with"), &with);
    assert_eq!(names(&out), ["config.json", "model.bpk", "tokenizer.json"]);
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    assert_eq!(read(out.join("tokenizer.json")), read(other));
}

/// The Faust model in a Hugging Face folder, with files of its own.
fn hugging_face_folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let options = ConvertOptions::default()
        .with_target(Target::HuggingFace)
        .with_tokenizer(repository("models/faust/tokenizer.json"));
    let model = repository("models/faust");
    let out = converted(&model, folder.path().join("source"), &options);
    let change = |name: &str, field: &str, value: Json| {
        let path = out.join(name);
        let mut json: Json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        json[field] = value;
        std::fs::write(path, json.to_string()).unwrap();
    };
    change("tokenizer_config.json", "unk_token", json!("<|padding|>"));
    change("generation_config.json", "temperature", json!(0.7));
    change("generation_config.json", "eos_token_id", json!([3, 0]));
    let template = "{{ messages[0].content }}<|endoftext|>";
    std::fs::write(out.join("chat_template.jinja"), template).unwrap();
    (folder, out)
}

#[test]
fn files_of_a_hugging_face_folder_are_carried_along() {
    let (folder, source) = hugging_face_folder();
    let carried = [
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    let convert = |input: &Path, name: &str, to: &str| {
        let out = folder.path().join(name);
        let output = wolfgang()
            .args(["convert", "--to", to, "--out"])
            .arg(&out)
            .arg(input)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        out
    };
    let native = convert(&source, "native", "native");
    // What a native folder does not use is there for the way back.
    let back = convert(&native, "back", "huggingface");
    for out in [&native, &back] {
        for name in carried {
            let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
            assert_eq!(read(out), read(&source), "{name} in {}", out.display());
        }
        let settings = GenerationConfig::beside(out).unwrap().unwrap();
        assert_eq!(settings.temperature, 0.7);
        assert_eq!(Checkpoint::open(out).unwrap().end_ids(), [0, 3]);
        let template = load(out).tokenizer().chat_template().cloned().unwrap();
        assert_eq!(template.token("unk_token"), Some("<|padding|>"));
    }
    // The result is a folder that a conversion may replace.
    let output = wolfgang()
        .args(["convert", "--force", "--out"])
        .args([&native, &source])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_command_uses_and_shows_the_tokenizer_in_a_gguf_file() {
    let model = fixture("gguf/llama.gguf");
    let output = wolfgang().arg("inspect").arg(&model).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let line = "tokenizer   in the file, gpt2 smollm (16 tokens, no tokens for 229 bytes, chat template): fits\n";
    assert!(shown.contains(line), "{shown}");

    let output = wolfgang().args(["inspect", "--json"]).arg(&model).output();
    let mut json: Json = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let missing = json["tokenizer"]
        .as_object_mut()
        .unwrap()
        .remove("missing_bytes");
    assert_eq!(missing.unwrap().as_array().unwrap().len(), 229);
    let expected = json!({"path": model.display().to_string(), "embedded": "gpt2 smollm",
        "vocab_size": 16, "chat_template": true, "fits": true});
    assert_eq!(json["tokenizer"], expected);

    let output = wolfgang()
        .args([
            "generate",
            "abc",
            "--temperature",
            "0",
            "--repetition-penalty",
            "1",
        ])
        .args(["--max-new-tokens", "20", "--ignore-eos", "--model"])
        .arg(&model)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = greedy_text(&load(&model));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.trim_end().ends_with(&text), "{printed}");
}
