//! `convert --to huggingface`: what the transformers library loads, and the way back.

use crate::fixtures::{checkpoints_in, fixture, repository, wolfgang};
use safetensors::SafeTensors;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, Target, convert, load};
use wolfgang_generate::Device;

fn converted(input: &Path, out: PathBuf, options: &ConvertOptions) -> PathBuf {
    let source = Checkpoint::open(input).unwrap();
    convert(&source, &out, options, &mut ()).unwrap();
    out
}

fn to(target: Target) -> ConvertOptions {
    ConvertOptions::default().with_target(target)
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// As bits: nothing but equal is equal.
fn logits(model: &Path) -> Vec<u32> {
    let model = load(model, &Device::flex()).unwrap();
    let logits = model.forward(&[9, 400, 1, 33]).unwrap();
    logits.into_iter().map(f32::to_bits).collect()
}

/// The original's exporter and ours write the same numbers under the same names.
#[test]
fn the_export_equals_that_of_the_original_exporter() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let options = to(Target::HuggingFace).with_tokenizer(fixture("hf_export/hf/tokenizer.json"));
    let out = converted(&fixture("hf_export/source.pt"), out, &options);
    let golden = fixture("hf_export/hf");

    let [ours, theirs] =
        [&out, &golden].map(|folder| std::fs::read(folder.join("model.safetensors")).unwrap());
    let [ours, theirs] = [&ours, &theirs].map(|file| SafeTensors::deserialize(file).unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (name, expected) in theirs.tensors() {
        assert_eq!(ours.tensor(&name).unwrap(), expected, "{name}");
    }

    let [ours, theirs] = [&out, &golden].map(|folder| json(&folder.join("config.json")));
    for (field, expected) in theirs.as_object().unwrap() {
        // Who wrote it, and three that say what is the default in any case.
        let no_matter = [
            "transformers_version",
            "initializer_range",
            "pretraining_tp",
        ];
        if !no_matter.contains(&field.as_str()) {
            assert_eq!(&ours[field], expected, "{field}");
        }
    }
    let generation = json(&out.join("generation_config.json"));
    assert_eq!(
        (&generation["eos_token_id"], &generation["pad_token_id"]),
        (&0.into(), &1.into())
    );
    let tokenizer = json(&out.join("tokenizer_config.json"));
    assert_eq!(
        (&tokenizer["eos_token"], &tokenizer["pad_token"]),
        (&"<|endoftext|>".into(), &"<|padding|>".into())
    );
    assert!(
        tokenizer["chat_template"]
            .as_str()
            .unwrap()
            .contains("add_generation_prompt")
    );
}

#[test]
fn export_and_conversion_preserve_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (n, input) in checkpoints_in("tiny").into_iter().enumerate() {
        let native = converted(&input, at(&format!("{n}-native")), &to(Target::Native));
        let exported = converted(&native, at(&format!("{n}-hf")), &to(Target::HuggingFace));
        let back = converted(&exported, at(&format!("{n}-back")), &to(Target::Native));
        for file in ["model.bpk", "config.json"] {
            let [before, after] = [&native, &back].map(|f| std::fs::read(f.join(file)).unwrap());
            assert_eq!(before, after, "{file} of {}", input.display());
        }
        // Three forms of the same weights.
        assert_eq!(logits(&input), logits(&native), "{}", input.display());
        assert_eq!(logits(&input), logits(&exported), "{}", input.display());
    }
}

#[test]
fn an_export_has_the_precision_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (precision, dtype, torch) in [
        (Precision::F32, "f32", "float32"),
        (Precision::F16, "f16", "float16"),
        (Precision::Bf16, "bf16", "bfloat16"),
    ] {
        let options = to(Target::HuggingFace).with_precision(precision);
        let out = converted(
            &fixture("tiny/plain.pt"),
            folder.path().join(dtype),
            &options,
        );
        let checkpoint = Checkpoint::open(&out).unwrap();
        assert_eq!(checkpoint.dtypes(), [(dtype, checkpoint.tensors().len())]);
        assert_eq!(json(&out.join("config.json"))["dtype"], torch);

        // What 16 bits could hold, the other form holds, too.
        let options = to(Target::Native).with_precision(precision);
        let native = converted(
            &fixture("tiny/plain.pt"),
            folder.path().join("native"),
            &options,
        );
        assert_eq!(logits(&out), logits(&native), "{dtype}");
        std::fs::remove_dir_all(native).unwrap();
    }
}

#[test]
fn the_command_exports_with_the_tokenizer_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("faust");
    let mut command = wolfgang();
    command.arg("convert").arg(repository("models/faust"));
    let output = command
        .args(["--to", "huggingface", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let permissions = |file: &str| std::fs::metadata(out.join(file)).unwrap().permissions();
    assert_eq!(permissions("model.safetensors"), permissions("config.json"));
    let mut written: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(
        written,
        [
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ]
    );
    assert_eq!(logits(&out), logits(&repository("models/faust")));
}
