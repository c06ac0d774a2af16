//! `.pt` files of the original in every form, and broken ones.

use crate::fixtures::{checkpoints_in, fixture, repository, tiny_tokenizer, wolfgang, xtask};
use std::path::Path;
use wolfgang_checkpoint::{
    Checkpoint, CheckpointError, ConvertOptions, Format, Precision, TensorError, convert, load,
};
use wolfgang_generate::Device;
use wolfgang_model::WolfgangModel;

fn logits(model: &WolfgangModel) -> Vec<f32> {
    model.forward(&[5, 17, 400]).unwrap()
}

fn tiny(name: &str) -> WolfgangModel {
    load(fixture("tiny").join(name), &Device::flex()).unwrap()
}

#[test]
fn every_file_form_of_the_same_weights_gives_the_same_logits() {
    let expected = logits(&tiny("compiled_with_optimizer.pt"));
    for name in ["config_object.pt", "legacy_format.pt"] {
        assert_eq!(logits(&tiny(name)), expected, "{name}");
    }
    let expected = logits(&tiny("plain.pt"));
    for name in ["no_output_weight.pt", "strided.pt", "f64.pt"] {
        assert_eq!(logits(&tiny(name)), expected, "{name}");
    }
}

#[test]
fn open_lists_types_and_skipped_entries() {
    let checkpoint = Checkpoint::open(fixture("tiny/compiled_with_optimizer.pt")).unwrap();
    assert_eq!(checkpoint.format(), Format::Pytorch);
    assert_eq!(checkpoint.config().n_embd, 32);
    assert_eq!(checkpoint.dtypes(), [("f32", 20)]);
    let mut skipped: Vec<_> = checkpoint
        .skipped()
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    skipped.sort_unstable();
    assert_eq!(
        skipped,
        [
            "best_val_loss",
            "iter_num",
            "optimizer",
            "output.weight",
            "train_config"
        ]
    );

    let native = Checkpoint::open(repository("models/faust")).unwrap();
    assert_eq!(
        (native.format(), native.dtypes()),
        (Format::Native, vec![("bf16", 56)])
    );
    assert!(native.skipped().is_empty());
}

/// The reason in the error of each broken file.
const REASONS: [(&str, &str); 25] = [
    (
        "bare_state_dict",
        "a bare state dict, without a model_config",
    ),
    (
        "config_config_mismatch",
        "layers.2.attention.wq.weight is missing",
    ),
    ("config_huge_vocab", "vocab_size is 1099511627776"),
    (
        "config_kv_not_dividing",
        "n_kv_head is 3, but it must divide n_head (4)",
    ),
    (
        "config_n_head_not_dividing",
        "n_head is 5, but it must divide n_embd (32)",
    ),
    ("config_negative_embd", "config field n_embd"),
    ("config_odd_head_dim", "must be even for rotary embedding"),
    ("config_string_value", "config field n_embd"),
    ("config_zero_block", "block_size is 0"),
    ("config_zero_layers", "n_layer is 0"),
    ("empty", "the file is empty"),
    ("evil_raw_pickle", "Python would call posix.system"),
    ("evil_reduce_as_model", "Python would call posix.system"),
    ("evil_reduce_beside_model", "Python would call posix.system"),
    ("int_weight", "norm.weight has type i64"),
    ("missing_tensor", "layers.1.attention.wq.weight is missing"),
    (
        "nan_weight",
        "layers.0.feed_forward.w1.weight holds NaN at index 99",
    ),
    ("no_config", "no usable entry \"model_config\""),
    ("no_model", "no usable entry \"model\""),
    ("not_a_checkpoint", "neither a zip archive nor a pickle"),
    ("truncated_100_bytes", "corrupt or truncated"),
    ("truncated_half", "corrupt or truncated"),
    ("unexpected_tensor", "surprise is unexpected"),
    ("untied_output", "the head must be tied to the embeddings"),
    (
        "wrong_shape",
        "layers.0.attention.wk.weight has shape [5, 32], expected [16, 32]",
    ),
];

/// The command and the converter on each: one line, exit code 1, nothing run and nothing written.
#[test]
fn every_bad_file_is_refused_with_its_reason() {
    let files = checkpoints_in("tiny/bad");
    assert_eq!(files.len(), REASONS.len(), "a reason for every file");
    for path in files {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (_, reason) = REASONS.iter().find(|(name, _)| *name == stem).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tokenizers = tempfile::tempdir().unwrap();
        let tokenizer = tokenizers.path().join("tokenizer.json");
        std::fs::write(&tokenizer, tiny_tokenizer()).unwrap();

        let mut generate = wolfgang();
        generate
            .arg("generate")
            .arg("--model")
            .arg(&path)
            .arg("--tokenizer")
            .arg(&tokenizer);
        let mut convert = xtask();
        convert
            .arg("convert-checkpoint")
            .arg(&path)
            .args(["--out", "model"]);
        for mut command in [generate, convert] {
            let output = command.current_dir(&folder).output().unwrap();
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{stem}: {message}");
            let on_one_line = message.trim_end().lines().count() == 1;
            assert!(on_one_line, "{stem}: {message}");
            assert!(
                message.contains(path.to_str().unwrap()),
                "{stem}: {message}"
            );
            assert!(message.contains(reason), "{stem}: {message}");
        }
        let left = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 0, "{stem} left something behind");
    }
}

#[test]
fn differences_are_listed_all_at_once() {
    let error = Checkpoint::open(fixture("tiny/bad/config_config_mismatch.pt")).unwrap_err();
    let CheckpointError::Tensors { problems, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(problems.0.len(), 9);
    assert!(
        problems
            .0
            .iter()
            .all(|p| matches!(p, TensorError::Missing { .. }))
    );
    assert!(problems.to_string().ends_with("; and 1 more"));
}

#[test]
fn errors_say_what_a_file_is_instead_of_a_checkpoint() {
    let message = |path: &Path| {
        let error = Checkpoint::open(path).unwrap_err();
        std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(message(&path.join("nothing")).contains("failed to read"));
    assert!(message(path).contains("the folder has no config.json"));

    let record = std::fs::read(repository("models/faust/model.bpk")).unwrap();
    std::fs::write(path.join("model.bpk"), &record).unwrap();
    assert!(message(&path.join("model.bpk")).contains("is a single file of a model folder"));
    std::fs::write(path.join("renamed"), &record).unwrap();
    assert!(message(&path.join("renamed")).contains("name the folder it lies in"));

    std::fs::write(path.join("config.json"), r#"{"model_type": "gpt2"}"#).unwrap();
    assert!(
        message(path).contains(r#"has model_type "gpt2", expected "wolfgang" or one of "llama""#)
    );

    std::fs::copy(
        repository("models/faust/config.json"),
        path.join("config.json"),
    )
    .unwrap();
    assert!(Checkpoint::open(path).is_ok());
    for len in [0, 9, 10, 200, record.len() / 2, record.len() - 1] {
        std::fs::write(path.join("model.bpk"), &record[..len]).unwrap();
        assert!(
            message(path).contains("corrupt or truncated"),
            "cut to {len} bytes"
        );
    }
}

/// Invariant 6 for damage that no fixture has: loading gives a model or an error, and never panics.
#[test]
fn damaged_files_are_a_model_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let native = folder.path().join("native");
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    convert(&source, &native, &ConvertOptions::default(), &mut ()).unwrap();

    let legacy = std::fs::read(fixture("tiny/legacy_format.pt")).unwrap();
    let zip = std::fs::read(fixture("tiny/plain.pt")).unwrap();
    let record = std::fs::read(native.join("model.bpk")).unwrap();
    let file = folder.path().join("damaged.pt");
    let cases = [
        (legacy, file.clone(), file.clone()),
        (zip, file.clone(), file),
        (record, native.join("model.bpk"), native),
    ];
    let mut noticed = Vec::new();
    for (bytes, path, checkpoint) in cases {
        let mut errors = 0;
        // The structure is at both ends of these files; between are mostly weights.
        for step in 0..120 {
            let mut bytes = bytes.clone();
            let at = if step % 2 == 0 {
                step * 37
            } else {
                bytes.len() - 1 - step * 23
            };
            bytes[at] ^= 1 << (step % 8);
            std::fs::write(&path, bytes).unwrap();
            errors += usize::from(load(&checkpoint, &Device::flex()).is_err());
        }
        noticed.push(errors);
    }
    // Only archives have checksums, of each entry that is read. Elsewhere a changed weight is a
    // weight.
    assert_eq!(noticed, [46, 98, 20]);
}

/// Archives have checksums: damage is noticed in entries that are read, and only there.
#[test]
fn optimizer_state_is_never_read() {
    let path = fixture("tiny/compiled_with_optimizer.pt");
    let intact = std::fs::read(&path).unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.pt");
    let (mut noticed, mut unnoticed) = (0, 0);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).unwrap();
        if !entry.name().unwrap().contains("/data/") {
            continue;
        }
        let mut bytes = intact.clone();
        bytes[entry.data_start().unwrap() as usize] ^= 1;
        std::fs::write(&damaged, bytes).unwrap();
        match load(&damaged, &Device::flex()) {
            Ok(_) => unnoticed += 1,
            Err(_) => noticed += 1,
        }
    }
    assert_eq!(noticed, 20, "one storage for each parameter of the model");
    assert!(
        unnoticed > 40,
        "moments and steps of the optimizer: {unnoticed}"
    );
}

#[test]
fn a_loaded_model_does_not_depend_on_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let native = folder.path().join("native");
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    convert(&source, &native, &ConvertOptions::default(), &mut ()).unwrap();
    let model = load(&native, &Device::flex()).unwrap();
    let before = logits(&model);
    let record = std::fs::OpenOptions::new()
        .write(true)
        .open(native.join("model.bpk"))
        .unwrap();
    record.set_len(0).unwrap();
    assert_eq!(logits(&model), before);
}

#[test]
fn a_weight_that_does_not_fit_the_precision_stops_the_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let big = folder.path().join("big");
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    convert(&source, &big, &ConvertOptions::default(), &mut ()).unwrap();
    // One weight of 70000 in the record, which f16 does not reach.
    let mut record = std::fs::read(big.join("model.bpk")).unwrap();
    let last = record.len() - 4;
    record[last..].copy_from_slice(&70000f32.to_le_bytes());
    std::fs::write(big.join("model.bpk"), record).unwrap();

    let source = Checkpoint::open(&big).unwrap();
    let half = ConvertOptions::default().with_precision(Precision::F16);
    let error = convert(&source, folder.path().join("half"), &half, &mut ()).unwrap_err();
    assert!(matches!(error, CheckpointError::TooLarge { .. }), "{error}");
    assert!(!folder.path().join("half").exists());
}
