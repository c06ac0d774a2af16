//! Hugging Face folders as other tools leave them behind.

use crate::fixtures::{fixture, wolfgang};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, CheckpointError};
use wolfgang_generate::ModelConfig;

const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const WEIGHTS: &str = "model.safetensors";
const BOM: &[u8] = b"\xef\xbb\xbf";

fn case(name: &str) -> std::path::PathBuf {
    fixture("cases").join(name)
}

/// A copy of one of the cases that can be changed.
fn copy(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(case(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn change(folder: &TempDir, file: &str, change: impl FnOnce(&mut Json)) {
    let path = folder.path().join(file);
    let mut json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

/// Replaces a value as text: what Python writes is no JSON.
fn replace(folder: &TempDir, file: &str, from: &str, to: &str) {
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn generate(model: &Path) -> Command {
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
fn finished(command: &mut Command) -> Json {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let lines = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(lines.lines().last().unwrap()).unwrap()
}

fn ids(finished: &Json) -> Vec<u32> {
    serde_json::from_value(finished["ids"].clone()).unwrap()
}

#[track_caller]
fn assert_continues_alike(model: &Path) {
    let expected = finished(&mut generate(&case("model")));
    assert_eq!(expected["ids"].as_array().unwrap().len(), 40);
    let found = finished(&mut generate(model));
    assert_eq!(
        (&found["ids"], &found["text"]),
        (&expected["ids"], &expected["text"])
    );
}

fn refusal(path: &Path) -> String {
    error_of(wolfgang().arg("inspect").arg(path).output().unwrap())
}

#[track_caller]
fn error_of(output: Output) -> String {
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
            json!({"rope_type": "default", "type": "default", "factor": 1.0}),
            json!({"rope_type": "default", "rope_theta": 10000, "original_max_position_embeddings": null}),
        ] {
            let folder = copy("model");
            change(&folder, CONFIG, |config| config[group] = rope);
            assert_continues_alike(folder.path());
        }
        for (rope, expected) in [
            (
                json!({"type": "linear", "factor": 2.0}),
                "type is \"linear\", which is not supported; expected \"default\"",
            ),
            (
                json!({"rope_type": "llama3"}),
                "rope_type is \"llama3\", which is not supported; expected \"default\"",
            ),
            (
                json!({"type": "dynamic"}),
                "type is \"dynamic\", which is not supported; expected \"default\"",
            ),
            (
                json!({"rope_theta": 5e5}),
                "rope_theta is 500000.0, which is not supported; expected 10000.0",
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
fn git_lfs_pointers_are_called_so() {
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
        ("model-Q4_K_M.gguf", "the original repository of this model"),
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

/// The ids without an end, and one that comes after some others.
fn ids_and_end() -> (Vec<u32>, usize, u32) {
    let all = ids(&finished(&mut generate(&case("model"))));
    let at = (3..all.len()).find(|&at| !all[..at].contains(&all[at]) && all[at] > 4);
    let at = at.unwrap();
    (all.clone(), at, all[at])
}

#[test]
fn eos_token_id_of_either_config_ends_the_text() {
    let (all, at, end) = ids_and_end();
    let unused = (5..265).find(|id| !all.contains(id)).unwrap();
    for (config, generation, ends) in [
        (json!(0), Some(json!(end)), true),
        (json!(0), Some(json!([unused, end])), true),
        (json!(end), None, true),
        (json!([end]), Some(json!(null)), true),
        (json!([unused, end, 0]), Some(json!(null)), true),
        // What is said for generating comes first.
        (json!(end), Some(json!(unused)), false),
        (json!(end), Some(json!([])), false),
        (json!(null), None, false),
    ] {
        let folder = copy("model");
        change(&folder, CONFIG, |json| {
            json["eos_token_id"] = config.clone()
        });
        match &generation {
            Some(ids) => change(&folder, GENERATION, |json| {
                json["eos_token_id"] = ids.clone()
            }),
            None => std::fs::remove_file(folder.path().join(GENERATION)).unwrap(),
        }
        let found = finished(&mut generate(folder.path()));
        let what = format!("{config} {generation:?}");
        if ends {
            assert_eq!(found["reason"], "end_of_text", "{what}");
            assert_eq!(ids(&found), all[..at], "{what}");
        } else {
            assert_eq!(ids(&found), all, "{what}");
        }
    }
}

#[test]
fn options_about_the_end_hold_for_eos_token_id() {
    let (all, at, end) = ids_and_end();
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!(end)
    });
    let ignored = finished(generate(folder.path()).arg("--ignore-eos"));
    assert_eq!(ids(&ignored), all);
    let later = finished(generate(folder.path()).arg("--min-new-tokens=20"));
    let later = ids(&later);
    assert!(later.len() >= 20 && later[..at] == all[..at], "{later:?}");
    assert!(!later[..20].contains(&end), "{later:?}");
}

#[test]
fn end_of_text_of_the_tokenizer_ends_the_text_whatever_the_config_says() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| json["eos_token_id"] = json!(7));
    let found = finished(generate(folder.path()).args(["--logit-bias", "0=1000"]));
    assert_eq!(
        (found["reason"].as_str(), ids(&found)),
        (Some("end_of_text"), vec![])
    );
}

fn inspected(path: &Path) -> Json {
    let output = wolfgang()
        .args(["inspect", "--json"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn eos_token_ids_outside_the_vocabulary_are_passed_over_and_listed() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!([-1, 265, 264, 5, 5])
    });
    let found = inspected(folder.path());
    assert_eq!(found["end_ids"], json!([5, 264]));
    assert_eq!(
        found["skipped"],
        json!([
            {"name": "eos_token_id -1", "reason": "outside the vocabulary"},
            {"name": "eos_token_id 265", "reason": "outside the vocabulary"},
        ])
    );
    for wrong in [json!("0"), json!(1.5), json!(true), json!([0, null])] {
        let folder = copy("model");
        change(&folder, CONFIG, |json| json["eos_token_id"] = wrong.clone());
        std::fs::remove_file(folder.path().join(GENERATION)).unwrap();
        let message = refusal(folder.path());
        let expected = format!("config.json: eos_token_id is {wrong}, which is not supported");
        assert!(message.contains(&expected), "{message}");
    }
}

fn convert(from: &Path, to: &Path, more: &[&str]) -> Output {
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
fn converted(from: &Path, to: &Path, more: &[&str]) -> String {
    let output = convert(from, to, more);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap() + &stderr
}

#[test]
fn conversions_keep_eos_token_ids() {
    let folder = copy("model");
    change(&folder, GENERATION, |json| {
        json["eos_token_id"] = json!([0, 9])
    });
    let out = tempfile::tempdir().unwrap();
    let (native, back) = (out.path().join("native"), out.path().join("back"));
    converted(folder.path(), &native, &[]);
    assert_eq!(inspected(&native)["end_ids"], json!([0, 9]));
    converted(&native, &back, &["--to", "huggingface"]);
    assert_eq!(inspected(&back)["end_ids"], json!([0, 9]));
    for file in [CONFIG, GENERATION] {
        let json: Json = serde_json::from_slice(&std::fs::read(back.join(file)).unwrap()).unwrap();
        assert_eq!(json["eos_token_id"], json!([0, 9]), "{file}");
    }
    // What the tokenizer says is not said again.
    let plain = out.path().join("plain");
    converted(&case("model"), &plain, &[]);
    let config = std::fs::read_to_string(plain.join(CONFIG)).unwrap();
    assert!(!config.contains("eos_token_id"), "{config}");
    // Without a tokenizer, nothing else does.
    let alone = copy("model");
    std::fs::remove_file(alone.path().join("tokenizer.json")).unwrap();
    let without = out.path().join("without");
    converted(alone.path(), &without, &[]);
    assert_eq!(inspected(&without)["end_ids"], json!([0]));
}

#[test]
fn a_file_of_a_folder_is_refused_by_the_name_of_the_folder() {
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

/// The model with more rows in its embeddings, each of which the model would prefer to every other.
fn padded(rows: usize) -> TempDir {
    let folder = copy("model");
    let path = folder.path().join(WEIGHTS);
    let bytes = std::fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut embeddings = tensors
        .tensor("model.embed_tokens.weight")
        .unwrap()
        .data()
        .to_vec();
    // Ten times a row that exists: one of them wins wherever that row's logit is positive.
    let row: Vec<u8> = embeddings[16 * 4 * 40..16 * 4 * 41]
        .as_chunks()
        .0
        .iter()
        .flat_map(|number| (10.0 * f32::from_le_bytes(*number)).to_le_bytes())
        .collect();
    embeddings.extend(row.repeat(rows));
    let shape = vec![265 + rows, 16];
    let views: Vec<_> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| match name.as_str() {
            "model.embed_tokens.weight" => (
                name,
                TensorView::new(view.dtype(), shape.clone(), &embeddings).unwrap(),
            ),
            _ => (name, view),
        })
        .collect();
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    change(&folder, CONFIG, |config| {
        config["vocab_size"] = json!(265 + rows)
    });
    folder
}

#[test]
fn ids_that_pad_the_vocabulary_are_never_generated() {
    for rows in [1, 127, 128, 503] {
        let folder = padded(rows);
        assert_continues_alike(folder.path());
        let greedy = |model: &Path| finished(generate(model).args(["--preset", "greedy"]));
        let found = greedy(folder.path());
        assert_eq!(found["ids"], greedy(&case("model"))["ids"]);
    }
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

    // One that does not fit goes, and that is said.
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
fn a_new_folder_takes_no_tokenizer_from_beside_it() {
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
    assert_eq!(names, ["config.json", "model.bpk", "tokenizer.json"]);
    let again = error_of(convert(&case("model"), out.path(), &[]));
    assert!(again.contains("already exists"), "{again}");

    let with_folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(with_folder.path().join("x")).unwrap();
    let error = error_of(convert(&case("model"), with_folder.path(), &[]));
    assert!(error.contains("already exists"), "{error}");
}

#[test]
fn the_library_tells_what_ends_a_text() {
    let checkpoint = Checkpoint::open(case("model")).unwrap();
    assert_eq!(checkpoint.end_ids(), [0]);
    let error = Checkpoint::open(case("model/config.json")).unwrap_err();
    let folder = case("model");
    assert!(
        matches!(&error, CheckpointError::PartOfFolder { folder: f, .. } if *f == folder),
        "{error:?}"
    );
}
