//! Files made to harm: small ones that would cost much, or run something, if they were believed.

use std::io::{Cursor, Write};
use wolfgang_checkpoint::Checkpoint;
use wolfgang_model::ModelConfig;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What opening a file with these bytes says.
fn refusal(bytes: &[u8]) -> String {
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

/// A checkpoint that declares `config` and has the tensors of a model of the shape `of`, besides `more`. However
/// large, all are views of one float: every stride is 0.
fn checkpoint(config: &ModelConfig, of: &ModelConfig, more: &[&str]) -> Vec<u8> {
    let mut tensors = of.parameters();
    tensors.extend(more.iter().map(|name| wolfgang_model::Parameter {
        name: (*name).to_owned(),
        shape: vec![1],
    }));
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
    let entries: [(&str, &[u8]); 3] = [
        ("a/data.pkl", &pickle),
        ("a/data/0", &[0; 4]),
        ("a/version", b"3\n"),
    ];
    archive(&entries, CompressionMethod::Stored)
}

fn string(pickle: &mut Vec<u8>, text: &str) {
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
    ModelConfig {
        block_size: 4,
        vocab_size: 4,
        n_layer: 1,
        n_head: 1,
        n_kv_head: 1,
        n_embd: 2,
        multiple_of: 2,
        ..ModelConfig::default()
    }
}

#[test]
fn tensors_cannot_claim_more_than_the_file_holds() {
    let large = ModelConfig {
        vocab_size: 1 << 20,
        n_embd: 1 << 10,
        n_head: 8,
        n_kv_head: 8,
        ..tiny()
    };
    let bytes = checkpoint(&large, &large, &[]);
    assert!(bytes.len() < 4096);
    let message = refusal(&bytes);
    assert!(
        message.contains("its tensors claim") && message.contains("but the file has"),
        "{message}"
    );
}

#[test]
fn a_config_cannot_ask_for_terabytes() {
    for (config, field) in [
        (
            ModelConfig {
                block_size: 1 << 20,
                ..tiny()
            },
            "block_size",
        ),
        (
            ModelConfig {
                block_size: 1 << 16,
                n_layer: 1 << 10,
                n_embd: 512,
                ..tiny()
            },
            "block_size",
        ),
        (
            ModelConfig {
                vocab_size: 1 << 30,
                ..tiny()
            },
            "vocab_size",
        ),
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
fn names_that_differ_only_in_the_prefix_are_no_choice() {
    let message = refusal(&checkpoint(&tiny(), &tiny(), &["_orig_mod.norm.weight"]));
    assert!(
        message.contains("_orig_mod.norm.weight is unexpected"),
        "{message}"
    );
}

#[test]
fn archives_are_neither_compressed_nor_ambiguous() {
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
fn no_pickle_of_the_old_form_runs_anything() {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let evil: &[u8] = b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.";
    let plain: &[u8] = b"\x80\x02}.";
    for at in 0..4 {
        let mut pickles = [plain; 4];
        pickles[at] = evil;
        let message = refusal(&[magic, &pickles.concat()[..]].concat());
        assert!(message.contains("it would call posix.system"), "{message}");
    }
}

/// A tar archive may claim holes of any size, and `pytorch-reader` takes for one whatever has the word in its place.
#[test]
fn what_is_a_tar_archive_too_is_refused() {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    bytes.resize(257, b'N');
    bytes.extend(b"ustar");
    let message = refusal(&bytes);
    assert!(message.contains("it is a tar archive"), "{message}");
}

#[test]
fn classes_that_act_when_they_are_made_are_refused() {
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

#[test]
fn pickles_that_go_deep_or_in_circles_are_refused() {
    // Lists in lists; one list in itself; a dictionary that is its own value, and would be the state dict.
    let nested = [
        &b"\x80\x02"[..],
        &b"]".repeat(1 << 20),
        &b"a".repeat((1 << 20) - 1),
        b".",
    ]
    .concat();
    let circular = b"\x80\x02]q\0h\0a.".to_vec();
    let own_model = b"\x80\x02}q\0X\x05\0\0\0modelh\0s.".to_vec();
    for pickle in [nested, circular, own_model] {
        let message = refusal(&archive(
            &[("a/data.pkl", &pickle)],
            CompressionMethod::Stored,
        ));
        assert!(message.contains("hostile.pt"), "{message}");
    }
}

/// In a sound checkpoint, the bytes of the weights are made to be those of the pickle.
#[test]
fn overlapping_entries_are_refused() {
    let mut bytes = checkpoint(&tiny(), &tiny(), &[]);
    // In the directory at the end, byte 42 of an entry says where it begins.
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
