//! Native folders in int4: the same model as `--dtype int4` makes of the weights in f32.

use super::int8_errors::{put, rewrite, tensor, with_bytes};
use crate::fixtures::{checkpoints_in, fixture, repository, wolfgang};
use burn_pack::Reader;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use wolfgang_checkpoint::{
    Checkpoint, CheckpointError, ConvertOptions, ConvertReport, Precision, Target, convert,
};
use wolfgang_model::{Device, quantise_group};

fn converted(input: &Path, out: &Path, precision: Option<Precision>) -> ConvertReport {
    let options = ConvertOptions::default().with_precision(precision);
    convert(&Checkpoint::open(input).unwrap(), out, &options, &mut ()).unwrap()
}

/// The bits of some logits.
fn logits(model: &Path) -> Vec<u32> {
    let model = Checkpoint::open(model).unwrap();
    let vocabulary = model.config().vocab_size as u32;
    let model = model.into_model_with(&Device::flex(), Precision::Int4, &mut ());
    let ids = [9, 400, 1, 33].map(|id| id % vocabulary);
    let logits = model.unwrap().forward(&ids).unwrap();
    logits.into_iter().map(f32::to_bits).collect()
}

/// Type, shape and bytes of each tensor in the file of a native folder.
fn stored(folder: &Path) -> BTreeMap<String, (&'static str, Vec<usize>, Vec<u8>)> {
    let tensors = Reader::from_file(folder.join("model.bpk"))
        .and_then(Reader::into_tensors)
        .unwrap();
    let entry = |tensor: burn_pack::Tensor| {
        let bytes = tensor.to_bytes().unwrap().to_vec();
        let shape = tensor.shape.to_vec();
        (tensor.name.clone(), (tensor.dtype.name(), shape, bytes))
    };
    tensors.into_iter().map(entry).collect()
}

#[test]
fn a_model_in_int4_has_the_bits_of_its_int4_file() {
    let faust = repository("models/faust");
    for source in checkpoints_in("tiny").into_iter().chain([faust]) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let expected = logits(&source);
        converted(&source, &at("int4"), Some(Precision::Int4));
        assert_eq!(logits(&at("int4")), expected, "{}", source.display());
        converted(&at("int4"), &at("f32"), Some(Precision::F32));
        assert_eq!(logits(&at("f32")), expected, "{}", source.display());
    }
}

#[test]
fn a_second_conversion_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let first = converted(
        &repository("models/faust"),
        &at("int4"),
        Some(Precision::Int4),
    );
    assert!(first.rounded > 0);
    let expected = stored(&at("int4"));
    let size: usize = expected.values().map(|(_, _, bytes)| bytes.len()).sum();
    assert_eq!(first.bytes, size as u64);
    for (name, precision) in [("kept", None), ("again", Some(Precision::Int4))] {
        assert_eq!(converted(&at("int4"), &at(name), precision).rounded, 0);
        assert!(stored(&at(name)) == expected, "{name}");
    }
    // f32 holds all values, and quantising them gives the same integers and scales.
    assert_eq!(
        converted(&at("int4"), &at("f32"), Some(Precision::F32)).rounded,
        0
    );
    assert_eq!(
        converted(&at("f32"), &at("back"), Some(Precision::Int4)).rounded,
        0
    );
    let back = stored(&at("back"));
    assert_eq!(back.len(), expected.len());
    for (name, tensor) in expected.iter().filter(|(name, _)| !name.contains("norm")) {
        assert!(tensor == &back[name], "{name}");
    }
}

#[test]
fn the_file_contains_what_the_kernels_quantise() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let faust = repository("models/faust");
    converted(&faust, &at("f32"), Some(Precision::F32));
    converted(&faust, &at("int4"), Some(Precision::Int4));
    let (float, int4) = (stored(&at("f32")), stored(&at("int4")));
    assert_eq!(int4["embeddings.weight"].0, "i8");
    let mut matrices = 0;
    for (name, (_, shape, bytes)) in &float {
        let [rows, width] = shape[..] else { continue };
        let (dtype, found_shape, found) = &int4[name];
        if name == "embeddings.weight" {
            continue;
        }
        matrices += 1;
        assert_eq!(
            (*dtype, &found_shape[..]),
            ("u8", &[rows, width / 32 * 18][..])
        );
        let weights: Vec<f32> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        for (group, block) in weights.chunks(32).zip(found.chunks(18)) {
            let mut quants = [0i8; 32];
            let scale = quantise_group(group, &mut quants);
            assert_eq!(block[..2], scale.to_le_bytes(), "{name}");
            for (i, q) in quants.iter().enumerate() {
                let bits = block[2 + i % 16] >> (i / 16 * 4) & 0x0f;
                assert_eq!(i32::from(bits) - 8, i32::from(*q), "{name}");
            }
        }
    }
    assert_eq!(matrices, 42);
}

#[test]
fn blocks_of_a_gguf_file_are_kept() {
    let source = fixture("gguf/llama.gguf");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("int4");
    let checkpoint = Checkpoint::open(&source).unwrap();
    let blocks = checkpoint.tensors().filter(|tensor| tensor.dtype == "Q4_0");
    let names: Vec<_> = blocks.map(|tensor| tensor.name.to_owned()).collect();
    assert!(!names.is_empty());
    converted(&source, &out, Some(Precision::Int4));
    let (file, written) = (std::fs::read(&source).unwrap(), stored(&out));
    for name in names {
        let (dtype, _, bytes) = &written[&name];
        assert_eq!(*dtype, "u8");
        assert!(
            file.windows(bytes.len()).any(|part| part == bytes),
            "{name}"
        );
    }
    assert_eq!(logits(&out), logits(&source));
}

#[test]
fn invalid_blocks_are_refused() {
    const MATRIX: &str = "layers.0.attention.wk.weight";
    let refusal = |change: &dyn Fn(&mut Vec<burn_pack::Tensor>)| {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("int4");
        converted(&fixture("tiny/plain.pt"), &model, Some(Precision::Int4));
        rewrite(&model, change);
        let loaded = Checkpoint::open(&model).and_then(|model| model.into_model(&Device::flex()));
        let refusal = loaded.unwrap_err().to_string();
        let place = format!("{}: ", model.display());
        refusal.strip_prefix(&place).unwrap_or(&refusal).to_owned()
    };
    // Two f16.
    for (scale, told) in [(0x7e00_u16, "NaN"), (0xfc00, "-inf")] {
        let refusal = refusal(&|tensors| {
            let matrix = tensor(tensors, MATRIX);
            put(matrix, 3 * 18, &scale.to_le_bytes());
            // The first weight is 1.
            put(matrix, 3 * 18 + 2, &[9]);
        });
        let expected = format!("{MATRIX} holds {told} at index 96, but weights must be finite");
        assert_eq!(refusal, expected);
    }
    let cut = refusal(&|tensors| {
        let matrix = tensor(tensors, MATRIX);
        *matrix = with_bytes(matrix, matrix.dtype, vec![16, 17], vec![0; 16 * 17]);
    });
    let ends = |refusal: &str, end: &str| assert!(refusal.ends_with(end), "{refusal}");
    ends(
        &cut,
        &format!(": {MATRIX} has shape [16, 17], expected [16, 32]"),
    );
    let norm = refusal(&|tensors| {
        let norm = tensor(tensors, "norm.weight");
        *norm = with_bytes(norm, burn::tensor::DType::U8, vec![32], vec![0; 32]);
    });
    ends(
        &norm,
        ": norm.weight has type u8, expected f64, f32, f16 or bf16",
    );
    let wider = refusal(&|tensors| {
        let matrix = tensor(tensors, MATRIX);
        *matrix = with_bytes(matrix, matrix.dtype, vec![16, 36], vec![0; 16 * 36]);
    });
    ends(
        &wider,
        &format!(": {MATRIX} has shape [16, 64], expected [16, 32]"),
    );
}

#[test]
fn int4_is_refused_in_a_hugging_face_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let faust = repository("models/faust");
    converted(&faust, &at("int4"), Some(Precision::Int4));
    for (source, precision) in [(faust, Some(Precision::Int4)), (at("int4"), None)] {
        let options = ConvertOptions::default().with_target(Target::HuggingFace);
        let options = options.with_precision(precision);
        let source = Checkpoint::open(source).unwrap();
        let refusal = convert(&source, at("out"), &options, &mut ()).unwrap_err();
        let expected = CheckpointError::QuantisedInHuggingFace {
            precision: Precision::Int4,
        };
        assert_eq!(refusal.to_string(), expected.to_string());
        assert!(!at("out").exists());
    }
}

#[test]
fn the_command_converts_inspects_and_generates_int4() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("int4");
    let faust = repository("models/faust");
    let mut command = wolfgang();
    command
        .args(["convert", "--dtype", "int4", "--out"])
        .arg(&out);
    let output = command.arg(&faust).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = wolfgang().args(["inspect", "--json"]).arg(&out).output();
    let findings: Json = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(findings["parameters"], 5_475_584);
    let name = "layers.0.attention.wo.weight";
    let tensors = findings["tensors"].as_array().unwrap();
    let tensor = tensors
        .iter()
        .find(|tensor| tensor["name"] == name)
        .unwrap();
    let expected = serde_json::json!({"name": name, "dtype": "Q4_0", "shape": [256, 256]});
    assert_eq!(*tensor, expected);
    let text = |model: &Path| {
        let mut command = wolfgang();
        command.args(["generate", "--dtype", "int4", "--seed", "1", "--model"]);
        let output = command.arg(model).arg("Habe nun").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    assert_eq!(text(&out), text(&faust));
}
