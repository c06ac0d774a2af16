//! Native folders in int8: the same model as `--dtype int8` makes of the weights in f32.

use crate::fixtures::{checkpoints_in, fixture, repository, wolfgang};
use burn_pack::Reader;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, ConvertReport, Precision, Target, convert};
use wolfgang_generate::Device;
use wolfgang_model::{ModelOptions, quantise};

fn converted(input: &Path, out: &Path, precision: Option<Precision>) -> ConvertReport {
    let options = ConvertOptions::default().with_precision(precision);
    convert(&Checkpoint::open(input).unwrap(), out, &options, &mut ()).unwrap()
}

fn in_int8(input: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("int8");
    converted(input, &out, Some(Precision::Int8));
    (folder, out)
}

/// As bits: nothing but equal is equal.
fn logits(model: &Path, options: impl Into<ModelOptions>) -> Vec<u32> {
    let model = Checkpoint::open(model).unwrap();
    let model = model.into_model_with(&Device::flex(), options, &mut ());
    let logits = model.unwrap().forward(&[9, 400, 1, 33]).unwrap();
    logits.into_iter().map(f32::to_bits).collect()
}

/// The tensors of a native folder as they lie in its file: type, shape and bytes.
fn stored(folder: &Path) -> BTreeMap<String, (&'static str, Vec<usize>, Vec<u8>)> {
    let tensors = Reader::from_file(folder.join("model.bpk"))
        .and_then(Reader::into_tensors)
        .unwrap();
    let entry = |tensor: burn_pack::Tensor| {
        let bytes = tensor.to_bytes().unwrap().to_vec();
        (
            tensor.name.clone(),
            (tensor.dtype.name(), tensor.shape.to_vec(), bytes),
        )
    };
    tensors.into_iter().map(entry).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks().0.iter();
    numbers.map(|b| f32::from_le_bytes(*b)).collect()
}

fn faust() -> PathBuf {
    repository("models/faust")
}

#[test]
fn a_model_in_int8_is_bit_for_bit_that_of_its_int8_file() {
    let folder = tempfile::tempdir().unwrap();
    let float = folder.path().join("f32");
    converted(&faust(), &float, Some(Precision::F32));
    let expected = logits(&float, Precision::Int8);
    for source in [&float, &faust()] {
        let (_folder, int8) = in_int8(source);
        assert_eq!(logits(&int8, Precision::Int8), expected);
    }
    for source in checkpoints_in("tiny") {
        let (_folder, int8) = in_int8(&source);
        let expected = logits(&source, Precision::Int8);
        assert_eq!(
            logits(&int8, Precision::Int8),
            expected,
            "{}",
            source.display()
        );
    }
}

/// Every precision is computed from the weights in the file.
#[test]
fn every_precision_can_be_loaded_from_int8() {
    let (folder, int8) = in_int8(&faust());
    let float = folder.path().join("f32");
    assert_eq!(
        converted(&int8, &float, Some(Precision::F32)).rounded,
        0,
        "f32 holds what int8 does"
    );
    for precision in Precision::ALL {
        assert_eq!(logits(&int8, precision), logits(&float, precision));
    }
    let plain = ModelOptions::default().with_use_burn_ops(true);
    assert_eq!(logits(&int8, plain), logits(&float, plain));
}

#[test]
fn the_file_holds_what_the_kernels_quantise_and_the_norms_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let float = folder.path().join("f32");
    for (source, kept) in [
        (fixture("tiny/plain.pt"), "f32"),
        (fixture("tiny/f64.pt"), "f32"),
        (faust(), "bf16"),
    ] {
        let _ = std::fs::remove_dir_all(&float);
        let norms = folder.path().join("as-it-was");
        let _ = std::fs::remove_dir_all(&norms);
        converted(&source, &float, Some(Precision::F32));
        converted(&source, &norms, None);
        let (_folder, int8) = in_int8(&source);
        let (float, norms, mut int8) = (stored(&float), stored(&norms), stored(&int8));
        for (name, (_, shape, bytes)) in &float {
            let (dtype, found_shape, found) = int8.remove(name).unwrap();
            assert_eq!(&found_shape, shape);
            let [rows, width] = shape[..] else {
                assert_eq!((dtype, &found), (kept, &norms[name].2), "{name}");
                continue;
            };
            assert_eq!(dtype, "i8", "{name}");
            let (of_scales, scales_shape, scales) = int8.remove(&format!("{name}_scale")).unwrap();
            assert_eq!((of_scales, scales_shape), ("f32", vec![rows]));
            let scales = floats(&scales);
            for (row, weights) in floats(bytes).chunks(width).enumerate() {
                let mut expected = vec![0; width];
                assert_eq!(quantise(weights, &mut expected), scales[row], "{name}");
                let found = &found[row * width..(row + 1) * width];
                assert!(found.iter().zip(&expected).all(|(a, b)| *a as i8 == *b));
            }
        }
        assert!(int8.is_empty(), "nothing else: {:?}", int8.keys());
    }
}

#[test]
fn converted_again_it_is_the_same_file() {
    let (folder, int8) = in_int8(&faust());
    let at = |name: &str| folder.path().join(name);
    let file = |folder: &Path| std::fs::read(folder.join("model.bpk")).unwrap();
    let expected = file(&int8);
    for (name, precision) in [("kept", None), ("asked for", Some(Precision::Int8))] {
        let report = converted(&int8, &at(name), precision);
        assert_eq!(report.rounded, 0);
        assert!(file(&at(name)) == expected, "{name}");
    }
    // By way of f32, which turns the norms into f32 as well.
    converted(&int8, &at("f32"), Some(Precision::F32));
    let report = converted(&at("f32"), &at("back"), Some(Precision::Int8));
    assert_eq!(report.rounded, 0, "quantised already");
    let (there, back) = (stored(&int8), stored(&at("back")));
    for (name, tensor) in there.iter().filter(|(name, _)| !name.contains("norm")) {
        assert!(tensor == &back[name], "{name}");
    }
    assert_eq!(there.len(), back.len());
}

/// Other types that an int8 file is written in: the nearest to what it holds.
#[test]
fn fewer_bits_of_an_int8_file_are_those_of_its_weights() {
    let (folder, int8) = in_int8(&faust());
    let at = |name: &str| folder.path().join(name);
    converted(&int8, &at("f32"), Some(Precision::F32));
    for (name, precision) in [("f16", Precision::F16), ("bf16", Precision::Bf16)] {
        let direct = converted(&int8, &at(name), Some(precision));
        let second = converted(&at("f32"), &at(&format!("f32-{name}")), Some(precision));
        assert_eq!(direct.rounded, second.rounded);
        assert!(direct.rounded > 0);
        assert!(stored(&at(name)) == stored(&at(&format!("f32-{name}"))));
    }
}

#[test]
fn weights_that_int8_could_not_hold_are_counted() {
    let source = fixture("tiny/plain.pt");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    converted(&source, &at("f32"), Some(Precision::F32));
    let report = converted(&source, &at("int8"), Some(Precision::Int8));
    converted(&at("int8"), &at("back"), Some(Precision::F32));
    let (before, after) = (stored(&at("f32")), stored(&at("back")));
    let rounded: usize = before
        .iter()
        .map(|(name, (_, _, bytes))| {
            let pairs = floats(bytes).into_iter().zip(floats(&after[name].2));
            pairs.filter(|(a, b)| a != b).count()
        })
        .sum();
    assert!(rounded > 0);
    assert_eq!(report.rounded, rounded);
    assert_eq!(report.tensors, before.len(), "scales are none");
    let written = stored(&at("int8"));
    let bytes: usize = written.values().map(|(_, _, bytes)| bytes.len()).sum();
    assert_eq!(report.bytes, bytes as u64);
}

fn command(arguments: &[&str], input: &Path, out: &Path) -> Output {
    let mut command = wolfgang();
    command.arg("convert").arg(input).arg("--out").arg(out);
    command.args(arguments).output().unwrap()
}

#[test]
fn the_hugging_face_form_has_no_int8() {
    const REFUSAL: &str = "error: int8 is not supported in a Hugging Face folder; expected f32, bf16 or f16; \
                           choose one of these with --dtype, or use --to native\n";
    let (folder, int8) = in_int8(&faust());
    let out = folder.path().join("out");
    for (source, arguments) in [
        (
            &faust(),
            &["--to", "huggingface", "--dtype", "int8", "--force"][..],
        ),
        (&int8, &["--to", "huggingface", "--dtype", "int8"]),
        (&int8, &["--to", "huggingface"]),
        // Nothing is even opened.
        (
            &PathBuf::from("no/such/model"),
            &["--to", "huggingface", "--dtype", "int8"],
        ),
    ] {
        let output = command(arguments, source, &out);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), REFUSAL);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "only the source");
    }
    let arguments = ["--to", "huggingface", "--dtype", "f32"];
    let output = command(&arguments, &int8, &out);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        logits(&out, Precision::Int8),
        logits(&faust(), Precision::Int8)
    );
    let options = ConvertOptions::default().with_target(Target::HuggingFace);
    let source = Checkpoint::open(&int8).unwrap();
    let refusal = convert(&source, folder.path().join("again"), &options, &mut ()).unwrap_err();
    assert!(
        refusal.to_string().contains("int8 is not supported"),
        "{refusal}"
    );
}

#[test]
fn the_command_converts_inspects_and_generates_int8() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("int8");
    let output = command(&["--dtype", "int8"], &faust(), &out);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("were rounded to fit"), "{told}");
    assert!(told.contains("(56 tensors, "), "{told}");
    let output = command(&[], &out, &folder.path().join("again"));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("13 bf16 and 43 i8 tensors"), "{told}");
    assert!(told.contains("every weight reads back exactly"), "{told}");

    let inspected = wolfgang()
        .args(["inspect", "--json"])
        .arg(&out)
        .output()
        .unwrap();
    let findings: Json = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(findings["parameters"], 5_475_584);
    assert_eq!(
        findings["dtypes"],
        serde_json::json!([{"dtype": "bf16", "tensors": 13}, {"dtype": "i8", "tensors": 43}])
    );
    assert_eq!(
        findings["tensors"][0],
        serde_json::json!({"name": "embeddings.weight", "dtype": "i8", "shape": [4096, 256]})
    );
    assert_eq!(findings["tensors"].as_array().unwrap().len(), 56);
    assert_eq!(findings["skipped"], serde_json::json!([]));

    let text = |model: &Path| {
        let mut generate = wolfgang();
        generate.args(["generate", "--dtype", "int8", "--seed", "1", "--model"]);
        let output = generate.arg(model).arg("Habe nun").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    assert_eq!(text(&out), text(&faust()));
}
