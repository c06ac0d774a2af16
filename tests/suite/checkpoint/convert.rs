//! `cargo xtask convert-checkpoint`.

use crate::fixtures::{checkpoints_in, fixture, repository, xtask};
use std::path::Path;
use std::process::Output;
use wolfgang_checkpoint::load;
use wolfgang_generate::Device;

fn convert(input: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = xtask();
    command
        .arg("convert-checkpoint")
        .arg(input)
        .arg("--out")
        .arg(out)
        .args(more);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn logits(model: &Path) -> Vec<f32> {
    let model = load(model, &Device::flex()).unwrap();
    model.forward(&[9, 400, 1, 33]).unwrap()
}

#[test]
fn every_valid_checkpoint_converts_to_a_folder_with_the_same_logits() {
    let folder = tempfile::tempdir().unwrap();
    for input in checkpoints_in("tiny") {
        let out = folder.path().join(input.file_stem().unwrap());
        let output = convert(&input, &out, &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "", "no progress where nobody looks on");
        assert_eq!(logits(&out), logits(&input), "{}", input.display());

        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("every weight reads back exactly"), "{told}");
    }
    let told = convert(
        &fixture("tiny/config_object.pt"),
        &folder.path().join("again"),
        &[],
    )
    .stdout;
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.contains("skipped  optimizer: training state, not part of the model"),
        "{told}"
    );
    assert!(
        told.contains("skipped  output.weight: tied to the embeddings"),
        "{told}"
    );
}

#[test]
fn a_native_folder_can_be_converted_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("f32");
    let faust = repository("models/faust");
    let tokenizer = faust.join("tokenizer.json");
    let output = convert(
        &faust,
        &out,
        &["--dtype", "f32", "--tokenizer", tokenizer.to_str().unwrap()],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(logits(&out), logits(&faust));
    assert_eq!(
        std::fs::read(out.join("tokenizer.json")).unwrap(),
        std::fs::read(tokenizer).unwrap()
    );
}

#[test]
fn rounding_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let output = convert(
        &fixture("tiny/plain.pt"),
        &folder.path().join("out"),
        &["--dtype", "f16"],
    );
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && told.contains("were rounded to fit"),
        "{told}"
    );
}

#[test]
fn existing_targets_are_kept_and_no_temporary_files_remain() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("occupied");
    std::fs::create_dir(&occupied).unwrap();
    std::fs::write(occupied.join("config.json"), "mine").unwrap();
    let output = convert(&fixture("tiny/plain.pt"), &occupied, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("already exists"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        std::fs::read_to_string(occupied.join("config.json")).unwrap(),
        "mine"
    );

    let nowhere = folder.path().join("no/such/folder");
    assert!(stderr(&convert(&fixture("tiny/plain.pt"), &nowhere, &[])).contains("failed to write"));

    // 512 ids in the model, 4096 in the tokenizer.
    let tokenizer = repository("models/faust/tokenizer.json");
    let more = ["--tokenizer", tokenizer.to_str().unwrap()];
    let output = convert(
        &fixture("tiny/plain.pt"),
        &folder.path().join("pair"),
        &more,
    );
    assert!(
        stderr(&output).contains("belong to different models"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "only what was there before"
    );
}
