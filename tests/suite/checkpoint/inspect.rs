//! `wolfgang inspect`: a description of a checkpoint, without reading its weights.

use crate::fixtures::{fixture, repository, tiny_tokenizer, wolfgang};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Output;

fn inspect(path: &Path, more: &[&str]) -> Output {
    wolfgang()
        .arg("inspect")
        .arg(path)
        .args(more)
        .output()
        .unwrap()
}

fn findings(path: &Path) -> Json {
    let output = inspect(path, &["--json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    serde_json::from_str(&told).unwrap()
}

#[test]
fn every_format_is_described() {
    let faust = findings(&repository("models/faust"));
    assert_eq!(faust["format"], "native");
    assert_eq!(faust["parameters"], 5_475_584);
    assert_eq!(faust["dtypes"], json!([{"dtype": "bf16", "tensors": 56}]));
    assert_eq!(faust["config"]["vocab_size"], 4096);
    assert_eq!(
        faust["tensors"][0],
        json!({"name": "embeddings.weight", "dtype": "bf16", "shape": [4096, 256]})
    );
    assert_eq!(faust["tokenizer"]["vocab_size"], 4096);
    assert_eq!(faust["tokenizer"]["fits"], true);
    assert_eq!(faust["skipped"], json!([]));

    let exported = findings(&fixture("hf_export/hf"));
    let source = findings(&fixture("hf_export/source.pt"));
    assert_eq!(
        (&exported["format"], &source["format"]),
        (&json!("Hugging Face"), &json!("PyTorch"))
    );
    assert_eq!(
        exported["tensors"], source["tensors"],
        "under the original's names"
    );
    assert_eq!(source["tokenizer"], Json::Null);
}

/// Loading it fails on a weight that is no number.
#[test]
fn no_weight_is_read() {
    let path = fixture("tiny/bad/nan_weight.pt");
    assert_eq!(findings(&path)["format"], "PyTorch");
    let mut generate = wolfgang();
    generate.args(["generate", "--model"]).arg(&path);
    let tokenizer = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(tokenizer.path(), tiny_tokenizer()).unwrap();
    let output = generate
        .arg("--tokenizer")
        .arg(tokenizer.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_mismatched_tokenizer_is_reported() {
    let tokenizer = repository("models/faust/tokenizer.json");
    let named = ["--tokenizer", tokenizer.to_str().unwrap()];
    let output = inspect(&fixture("tiny/plain.pt"), &named);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(told.contains("(4096 tokens): does not fit: "), "{told}");
    let json = inspect(
        &fixture("tiny/plain.pt"),
        &[&named[..], &["--json"]].concat(),
    );
    let json: Json = serde_json::from_slice(&json.stdout).unwrap();
    let problem = json["tokenizer"]["problem"].as_str().unwrap();
    assert!(problem.starts_with("the tokenizer has"), "{problem}");

    let nowhere = inspect(&fixture("tiny/plain.pt"), &["--tokenizer", "no/such/file"]);
    let told = String::from_utf8(nowhere.stdout).unwrap();
    assert!(
        told.contains("no/such/file: does not fit: failed to read"),
        "{told}"
    );
}

#[test]
fn the_table_has_the_values_of_the_json() {
    let output = inspect(&fixture("tiny/config_object.pt"), &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    for line in [
        "format      PyTorch",
        "tokenizer   none next to it",
        "  vocab_size   512",
        "  optimizer: training state, not part of the model",
        "  output.weight: tied to the embeddings",
    ] {
        assert!(told.lines().any(|told| told == line), "{line:?} in {told}");
    }
}

#[test]
fn what_does_not_fit_its_config_is_an_error_with_every_difference() {
    let output = inspect(&fixture("tiny/bad/missing_tensor.pt"), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains(" is missing") && error.lines().count() == 1,
        "{error}"
    );
    assert!(output.stdout.is_empty());
}
