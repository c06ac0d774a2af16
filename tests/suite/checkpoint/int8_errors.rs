//! Invalid int8 files: scales that are missing, superfluous or impossible.

use crate::fixtures::{fixture, wolfgang};
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor, Writer};
use std::error::Error;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wolfgang_checkpoint::{
    Checkpoint, CheckpointError, ConvertOptions, Precision, TensorError, TensorErrors, convert,
};
use wolfgang_generate::Device;

const MATRIX: &str = "layers.0.attention.wk.weight";
const SCALES: &str = "layers.0.attention.wk.weight_scale";

/// A tiny model in int8 whose tensors were changed.
fn changed(change: impl FnOnce(&mut Vec<Tensor>)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let options = ConvertOptions::default().with_precision(Precision::Int8);
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    convert(&source, &model, &options, &mut ()).unwrap();
    rewrite(&model, change);
    (folder, model)
}

/// Changes the tensors of a native folder.
pub(super) fn rewrite(model: &Path, change: impl FnOnce(&mut Vec<Tensor>)) {
    let record = model.join("model.bpk");
    let bytes = Bytes::from_bytes_vec(std::fs::read(&record).unwrap());
    let mut tensors = Reader::from_bytes(bytes)
        .and_then(Reader::into_tensors)
        .unwrap();
    change(&mut tensors);
    let written = Writer::new(tensors).with_metadata("format", "wolfgang");
    written.write_to_file(record.with_extension("new")).unwrap();
    std::fs::rename(record.with_extension("new"), record).unwrap();
}

pub(super) fn tensor<'a>(tensors: &'a mut [Tensor], name: &str) -> &'a mut Tensor {
    tensors.iter_mut().find(|t| t.name == name).unwrap()
}

/// Writes these bytes into a tensor.
pub(super) fn put(tensor: &mut Tensor, at: usize, bytes: &[u8]) {
    let mut all = tensor.to_bytes().unwrap().to_vec();
    all[at..at + bytes.len()].copy_from_slice(bytes);
    *tensor = with_bytes(tensor, tensor.dtype, tensor.shape.to_vec(), all);
}

pub(super) fn with_bytes(
    tensor: &Tensor,
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
) -> Tensor {
    let bytes = Bytes::from_bytes_vec(bytes);
    Tensor::new(tensor.name.clone(), dtype, shape, None, bytes)
}

/// f32 scales for this many rows.
fn scales(tensors: &mut Vec<Tensor>, name: &str, rows: usize) {
    let bytes = Bytes::from_bytes_vec(0.01f32.to_le_bytes().repeat(rows));
    let scales = Tensor::new(name.to_owned(), DType::F32, [rows], None, bytes);
    tensors.push(scales);
}

fn problems(change: impl FnOnce(&mut Vec<Tensor>)) -> Vec<TensorError> {
    let (_folder, model) = changed(change);
    match Checkpoint::open(model).unwrap_err() {
        CheckpointError::Tensors {
            problems: TensorErrors(problems),
            ..
        } => problems,
        other => panic!("{other}"),
    }
}

#[track_caller]
fn assert_one(problems: &[TensorError], expected: &str) {
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, [expected]);
}

#[test]
fn a_matrix_without_scales_is_refused() {
    let problems = problems(|tensors| tensors.retain(|t| t.name != SCALES));
    assert_one(
        &problems,
        "layers.0.attention.wk.weight has type i8, but its scales layers.0.attention.wk.weight_scale are missing",
    );
}

#[test]
fn scales_of_no_int8_matrix_are_refused() {
    assert_one(
        &problems(|tensors| scales(tensors, "norm.weight_scale", 1)),
        "norm.weight_scale is unexpected: norm.weight has type f32, expected i8",
    );
    assert_one(
        &problems(|tensors| scales(tensors, "surprise.weight_scale", 1)),
        "surprise.weight_scale is unexpected: surprise.weight is missing",
    );
    let without = problems(|tensors| tensors.retain(|t| t.name != MATRIX));
    let told: Vec<_> = without.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "layers.0.attention.wk.weight_scale is unexpected: layers.0.attention.wk.weight is missing",
            "layers.0.attention.wk.weight is missing",
        ]
    );
}

#[test]
fn scales_of_another_shape_or_type_are_refused() {
    let reshaped = |shape: Vec<usize>| {
        problems(|tensors| {
            let scales = tensor(tensors, SCALES);
            let bytes = vec![0; 4 * shape.iter().product::<usize>()];
            *scales = with_bytes(scales, DType::F32, shape, bytes);
        })
    };
    assert_one(
        &reshaped(vec![15]),
        "layers.0.attention.wk.weight_scale has shape [15], expected [16]",
    );
    assert_one(
        &reshaped(vec![16, 1]),
        "layers.0.attention.wk.weight_scale has shape [16, 1], expected [16]",
    );
    let halves = problems(|tensors| {
        let scales = tensor(tensors, SCALES);
        *scales = with_bytes(scales, DType::F16, vec![16], vec![0; 32]);
    });
    assert_one(
        &halves,
        "layers.0.attention.wk.weight_scale has type f16, expected f32",
    );
}

/// A vector has no rows, so that its numbers cannot be scaled.
#[test]
fn norms_in_int8_are_refused() {
    let alone = |tensors: &mut Vec<Tensor>| {
        let norm = tensor(tensors, "norm.weight");
        *norm = with_bytes(norm, DType::I8, vec![32], vec![1; 32]);
    };
    let expected = "norm.weight has type i8, expected f64, f32, f16 or bf16";
    assert_one(&problems(alone), expected);
    let scaled = problems(|tensors| {
        alone(tensors);
        scales(tensors, "norm.weight_scale", 1);
    });
    assert_one(&scaled, expected);
}

/// The errors of loading, of converting and of the command.
fn refusal(change: impl FnOnce(&mut Vec<Tensor>)) -> String {
    let (folder, model) = changed(change);
    let open = || Checkpoint::open(&model).unwrap();
    let loading = open().into_model(&Device::flex()).unwrap_err();
    for precision in [None, Some(Precision::F32), Some(Precision::Int8)] {
        let options = ConvertOptions::default().with_precision(precision);
        let out = folder.path().join("out");
        let converting = convert(&open(), &out, &options, &mut ()).unwrap_err();
        assert_eq!(converting.to_string(), loading.to_string());
        assert!(!out.exists());
    }
    let mut command = wolfgang();
    command.arg("convert").arg(&model).arg("--out");
    let output = command.arg(folder.path().join("out")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said, format!("error: {loading}\n"));
    assert!(loading.source().is_none());
    let place = format!("{}: ", model.display());
    loading.to_string().strip_prefix(&place).unwrap().to_owned()
}

#[test]
fn impossible_scales_are_refused() {
    for (scale, told) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
        (-0.5, "-0.5"),
    ] {
        let refusal = refusal(|tensors| put(tensor(tensors, SCALES), 4 * 11, &scale.to_le_bytes()));
        let expected = format!(
            "{SCALES} holds {told} at index 11, but scales must be finite and not negative"
        );
        assert_eq!(refusal, expected);
    }
}

#[test]
fn the_weight_minus_128_is_refused() {
    let refusal = refusal(|tensors| put(tensor(tensors, MATRIX), 35, &[0x80]));
    assert_eq!(
        refusal,
        format!("{MATRIX} holds -128 at index 35, but int8 weights must be between -127 and 127")
    );
}

#[test]
fn a_scale_that_makes_infinite_weights_is_refused() {
    let refusal = refusal(|tensors| {
        put(tensor(tensors, SCALES), 4, &f32::MAX.to_le_bytes());
        put(tensor(tensors, MATRIX), 32, &[0; 32]);
        put(tensor(tensors, MATRIX), 40, &[127]);
    });
    assert_eq!(
        refusal,
        format!("{MATRIX} holds inf at index 40, but weights must be finite")
    );
}

/// Its scale is rounded up, and so may be its largest number.
#[test]
fn a_weight_at_the_end_of_f32_is_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let source = Checkpoint::open(fixture("tiny/plain.pt")).unwrap();
    convert(&source, at("f32"), &ConvertOptions::default(), &mut ()).unwrap();
    rewrite(&at("f32"), |tensors| {
        put(tensor(tensors, MATRIX), 4 * 70, &f32::MAX.to_le_bytes());
    });
    let mut command = wolfgang();
    command.args(["convert", "--dtype", "int8"]).arg(at("f32"));
    let output = command.arg("--out").arg(at("int8")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: {}: {MATRIX} holds a number at index 70 that is too large for int8; choose another --dtype\n",
            at("f32").display()
        )
    );
    assert!(!at("int8").exists());
}

/// A row may be all zeros, with any scale.
#[test]
fn rows_of_zeros_are_weights() {
    let (_folder, model) = changed(|tensors| {
        put(tensor(tensors, MATRIX), 32, &[0; 32]);
        put(tensor(tensors, SCALES), 4, &0f32.to_le_bytes());
    });
    let model = Checkpoint::open(model).unwrap().into_model(&Device::flex());
    model.unwrap().forward(&[1, 2]).unwrap();
}

#[test]
fn a_head_in_int8_is_compared_with_the_embeddings() {
    let head = |change: &dyn Fn(&mut Vec<u8>)| {
        let (folder, model) = changed(|tensors| {
            for (from, to) in [
                ("embeddings.weight", "output.weight"),
                ("embeddings.weight_scale", "output.weight_scale"),
            ] {
                let from = tensor(tensors, from);
                let mut bytes = from.to_bytes().unwrap().to_vec();
                if to == "output.weight" {
                    change(&mut bytes);
                }
                let (dtype, shape) = (from.dtype, from.shape.to_vec());
                let bytes = Bytes::from_bytes_vec(bytes);
                let copy = Tensor::new(to.to_owned(), dtype, shape, None, bytes);
                tensors.push(copy);
            }
        });
        let checkpoint = Checkpoint::open(&model).unwrap();
        assert_eq!(checkpoint.skipped()[0].name, "output.weight");
        let loaded = checkpoint.into_model(&Device::flex()).map(drop);
        drop(folder);
        loaded
    };
    head(&|_| {}).unwrap();
    let error = head(&|bytes| bytes[7] ^= 1).unwrap_err();
    assert!(
        matches!(error, CheckpointError::UntiedHead { .. }),
        "{error}"
    );
}
