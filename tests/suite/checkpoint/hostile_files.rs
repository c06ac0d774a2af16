//! Malicious files: small ones that claim large sizes or would run code in Python.

use std::io::{Cursor, Write};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_model::ModelConfig;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The error of opening a file with these bytes.
pub(crate) fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pt");
    std::fs::write(&path, bytes).unwrap();
    let error = Checkpoint::open(&path).unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A checkpoint that declares `config` and has the tensors of a model of the shape `of`, besides
/// `more`. However large, all are views of one float: every stride is 0.
fn checkpoint(config: &ModelConfig, of: &ModelConfig, more: &[&str]) -> Vec<u8> {
    around(&pickle(config, of, more))
}

/// Whether a file with these bytes opens.
pub(crate) fn opens(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pt");
    std::fs::write(&path, bytes).unwrap();
    Checkpoint::open(&path).is_ok()
}

/// The archive around a pickle, with the one storage.
fn around(pickle: &[u8]) -> Vec<u8> {
    let entries: [(&str, &[u8]); 3] = [
        ("a/data.pkl", pickle),
        ("a/data/0", &[0; 4]),
        ("a/version", b"3\n"),
    ];
    archive(&entries, CompressionMethod::Stored)
}

fn pickle(config: &ModelConfig, of: &ModelConfig, more: &[&str]) -> Vec<u8> {
    let mut tensors = of.parameters();
    tensors.extend(
        more.iter()
            .map(|&name| wolfgang_model::Parameter::new(name, [1])),
    );
    let mut pickle = b"\x80\x02}(".to_vec();
    string(&mut pickle, "model");
    pickle.extend(b"}(");
    for tensor in tensors {
        string(&mut pickle, &tensor.name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        string(&mut pickle, "storage");
        pickle.extend(b"ctorch\nFloatStorage\n");
        string(&mut pickle, "0");
        string(&mut pickle, "cpu");
        pickle.extend(b"K\x01tQK\0");
        tuple(&mut pickle, &tensor.shape);
        tuple(&mut pickle, &vec![0; tensor.shape.len()]);
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u");
    string(&mut pickle, "model_config");
    pickle.extend(b"}(");
    let serde_json::Value::Object(fields) = serde_json::to_value(config).unwrap() else {
        panic!("a config is an object");
    };
    for (name, value) in fields.iter().filter_map(|(k, v)| Some((k, v.as_u64()?))) {
        string(&mut pickle, name);
        int(&mut pickle, value as usize);
    }
    pickle.extend(b"uu.");
    pickle
}

pub(crate) fn string(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(b'X');
    pickle.extend((text.len() as u32).to_le_bytes());
    pickle.extend(text.as_bytes());
}

fn int(pickle: &mut Vec<u8>, value: usize) {
    pickle.push(b'J');
    pickle.extend((value as u32).to_le_bytes());
}

fn tuple(pickle: &mut Vec<u8>, values: &[usize]) {
    pickle.push(b'(');
    for value in values {
        int(pickle, *value);
    }
    pickle.push(b't');
}

fn tiny() -> ModelConfig {
    ModelConfig::default()
        .with_block_size(4)
        .with_vocab_size(4)
        .with_n_layer(1)
        .with_n_head(1)
        .with_n_kv_head(1)
        .with_n_embd(2)
        .with_multiple_of(2)
}

#[test]
fn tensors_larger_than_the_file_are_refused() {
    let large = tiny()
        .with_vocab_size(1 << 20)
        .with_n_embd(1 << 10)
        .with_n_head(8)
        .with_n_kv_head(8);
    let bytes = checkpoint(&large, &large, &[]);
    assert!(bytes.len() < 4096);
    let message = refusal(&bytes);
    assert!(
        message.contains("its tensors require") && message.contains("but the file has"),
        "{message}"
    );
}

#[test]
fn a_config_of_terabytes_is_refused() {
    for (config, field) in [
        (tiny().with_block_size(1 << 20), "block_size"),
        (tiny().with_vocab_size(1 << 30), "vocab_size"),
    ] {
        // The tensors need not fit: the config is looked at first.
        let message = refusal(&checkpoint(&config, &tiny(), &[]));
        assert!(
            message.contains(&format!("config field {field} is")),
            "{message}"
        );
    }
}

#[test]
fn names_that_differ_only_in_the_prefix_are_refused() {
    let message = refusal(&checkpoint(&tiny(), &tiny(), &["_orig_mod.norm.weight"]));
    assert!(
        message.contains("_orig_mod.norm.weight is unexpected"),
        "{message}"
    );
}

#[test]
fn compressed_and_ambiguous_archives_are_refused() {
    let deep = [&b"\x80\x02)"[..], &b")\x81".repeat(60_000), b"."].concat();
    let message = refusal(&archive(
        &[("a/data.pkl", &deep)],
        CompressionMethod::Deflated,
    ));
    assert!(message.contains("compressed entries"), "{message}");

    let evil = b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.";
    let two: [(&str, &[u8]); 2] = [("a/longer/data.pkl", b"\x80\x02}."), ("b/data.pkl", evil)];
    let message = refusal(&archive(&two, CompressionMethod::Stored));
    assert!(message.contains("2 files data.pkl"), "{message}");

    // What reads the tensors would prefer the one without a folder.
    let two: [(&str, &[u8]); 2] = [("a/data.pkl", b"\x80\x02}."), ("data.pkl", evil)];
    let message = refusal(&archive(&two, CompressionMethod::Stored));
    assert!(message.contains("2 files data.pkl"), "{message}");
}

/// The old form is several pickles, and Python follows all of them.
#[test]
fn pickles_of_the_old_form_with_calls_are_refused() {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let evil: &[u8] = b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.";
    let plain: &[u8] = b"\x80\x02}.";
    for at in 0..4 {
        let mut pickles = [plain; 4];
        pickles[at] = evil;
        let message = refusal(&[magic, &pickles.concat()[..]].concat());
        assert!(message.contains("would call posix.system"), "{message}");
    }
}

/// A tar archive is another format, and its word may be in its place in a file that begins as a
/// pickle.
#[test]
fn a_file_that_is_also_a_tar_archive_is_refused() {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    bytes.resize(257, b'N');
    bytes.extend(b"ustar");
    let message = refusal(&bytes);
    assert!(message.contains("it is a tar archive"), "{message}");
}

#[test]
fn classes_with_effects_on_construction_are_refused() {
    for callable in [
        "copyreg\n_reconstructor",
        "torch._tensor\n_rebuild_from_type_v2",
        "os\nsystem",
    ] {
        let pickle = [b"\x80\x02c", callable.as_bytes(), b"\n)R."].concat();
        let message = refusal(&archive(
            &[("a/data.pkl", &pickle)],
            CompressionMethod::Stored,
        ));
        assert!(message.contains(&callable.replace('\n', ".")), "{message}");
    }
}

/// A sound checkpoint with one more entry, `value`, beside the model or in it.
pub(crate) fn with_entry(value: &[u8], in_model: bool) -> Vec<u8> {
    let pickle = pickle(&tiny(), &tiny(), &[]);
    let mut entry = Vec::new();
    string(&mut entry, "more");
    entry.extend(value);
    let at = if in_model {
        // Before the `u` that closes the model, behind which the name of the next entry has its
        // opcode and length.
        find(&pickle, b"model_config") - 6
    } else {
        // Before the `u` that closes the root, and the end.
        pickle.len() - 2
    };
    let (before, behind) = pickle.split_at(at);
    around(&[before, &entry, behind].concat())
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).unwrap()
}

#[test]
fn deep_and_cyclic_pickles_take_bounded_resources() {
    assert!(opens(&with_entry(b"K\x01", false)) && opens(&with_entry(b"K\x01", true)));

    let depth = 200_000;
    let nested = [b"]".repeat(depth), b"a".repeat(depth - 1)].concat();
    // A list in itself, and lists of ten times the one before.
    let circular = b"]r\xff\0\0\0h\xffa".to_vec();
    let bomb: Vec<u8> = (0..40u8)
        .flat_map(|n| [&b"]q"[..], &[n + 1], b"(", &[b'h', n].repeat(10), b"e"].concat())
        .collect();
    let bomb = [&b"]q\0"[..], &bomb].concat();
    for (what, value) in [("nested", nested), ("circular", circular), ("bomb", bomb)] {
        for in_model in [false, true] {
            // Skipped, or refused; either way at once.
            let bytes = with_entry(&value, in_model);
            assert!(!in_model || !opens(&bytes), "{what} in the model");
            opens(&bytes);
        }
    }
}

/// Each name of a nested tensor is all the names that lead to it: long ones many times over.
#[test]
fn names_are_bounded_by_the_length_of_the_file() {
    let mut dictionary = b"}(".to_vec();
    string(&mut dictionary, &"K".repeat(100_000));
    dictionary.extend(b"}(");
    for n in 0..10_000u32 {
        string(&mut dictionary, &n.to_string());
        dictionary.extend(if n == 0 {
            &b"ctorch._utils\n_rebuild_tensor_v2\n)Rq\x07"[..]
        } else {
            b"h\x07"
        });
    }
    dictionary.extend(b"uu");
    let message = refusal(&with_entry(&dictionary, true));
    assert!(
        message.contains("\"model\": its \"more\" is not a tensor"),
        "{message}"
    );

    let mut named = Vec::new();
    string(&mut named, &"K".repeat(300));
    let mut long = b"K\x01".to_vec();
    long.extend(named);
    long.extend(b"K\x01");
    let message = refusal(&with_entry(&long, true));
    assert!(
        message.contains("a key is not a string of at most 256 bytes"),
        "{message}"
    );
}

/// In a sound checkpoint, the bytes of the weights are made to be those of the pickle.
#[test]
fn overlapping_entries_are_refused() {
    let mut bytes = checkpoint(&tiny(), &tiny(), &[]);
    // In the central directory, byte 42 of an entry is its offset.
    let entry = |bytes: &[u8], n: usize| {
        let starts = bytes.windows(4).enumerate();
        let mut starts = starts
            .filter(|(_, w)| w == b"PK\x01\x02")
            .map(|(at, _)| at + 42);
        starts.nth(n).unwrap()
    };
    let (pickle, weights) = (entry(&bytes, 0), entry(&bytes, 1));
    bytes.copy_within(pickle..pickle + 4, weights);
    let message = refusal(&bytes);
    assert!(message.contains("overlap"), "{message}");
}

/// Only the native format has scales for integer weights.
#[test]
fn integer_weights_are_refused() {
    let pickle = pickle(&tiny(), &tiny(), &["norm.weight_scale"]);
    let (float, whole) = (&b"FloatStorage"[..], &b"CharStorage"[..]);
    let mut changed = Vec::new();
    let mut rest = &pickle[..];
    while let Some(at) = rest.windows(float.len()).position(|w| w == float) {
        changed.extend(&rest[..at]);
        changed.extend(whole);
        rest = &rest[at + float.len()..];
    }
    changed.extend(rest);
    let message = refusal(&around(&changed));
    // All eleven, and the scales.
    for expected in [
        "11 tensors have type i8, expected f64, f32, f16 or bf16, for example embeddings.weight",
        "; norm.weight_scale is unexpected",
    ] {
        assert!(message.contains(expected), "{message}");
    }
}
