//! Malicious folders: headers that contradict the file, and pipes or folders instead of files.

use crate::fixtures::{fixture, repository};
use serde_json::{Value as Json, json};
use std::path::Path;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, CheckpointError, TensorError};
use wolfgang_tokenize::Tokenizer;

/// The error and all of its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn refusal(folder: &Path) -> String {
    told(&Checkpoint::open(folder).unwrap_err())
}

/// A copy of the exported folder whose weights have this header.
fn with_header(change: impl FnOnce(&mut Json)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let hf = fixture("hf_export/hf");
    std::fs::copy(hf.join("config.json"), folder.path().join("config.json")).unwrap();
    let weights = std::fs::read(hf.join("model.safetensors")).unwrap();
    let (len, rest) = weights.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*len) as usize);
    let mut header = serde_json::from_slice(header).unwrap();
    change(&mut header);
    let header = header.to_string();
    let len = (header.len() as u64).to_le_bytes();
    let weights = [&len, header.as_bytes(), data].concat();
    std::fs::write(folder.path().join("model.safetensors"), weights).unwrap();
    folder
}

const NORM: &str = "model.norm.weight";

#[test]
fn a_valid_header_is_accepted() {
    assert!(Checkpoint::open(with_header(|_| {}).path()).is_ok());
}

#[test]
fn headers_that_contradict_the_file_are_refused() {
    type Lie = fn(&mut Json);
    let lies: [(&str, Lie); 6] = [
        ("an end beyond the file", |h| {
            h[NORM]["data_offsets"][1] = json!(u64::MAX)
        }),
        ("an end before the begin", |h| {
            h[NORM]["data_offsets"] = json!([128, 0])
        }),
        ("bytes of another tensor", |h| {
            h[NORM]["data_offsets"] =
                h["model.layers.0.input_layernorm.weight"]["data_offsets"].clone();
        }),
        ("a shape whose product overflows", |h| {
            h[NORM]["shape"] = json!([1u64 << 33, 1u64 << 33])
        }),
        ("more numbers than bytes", |h| {
            h[NORM]["shape"] = json!([33])
        }),
        ("a hole", |h| drop(h.as_object_mut().unwrap().remove(NORM))),
    ];
    for (lie, tell) in lies {
        let folder = with_header(tell);
        let error = refusal(folder.path());
        assert!(
            error.contains("model.safetensors is corrupt or truncated: "),
            "{lie}: {error}"
        );
    }
}

#[test]
fn no_memory_is_allocated_for_a_header_of_terabytes() {
    let folder = with_header(|_| {});
    for claimed in [u64::MAX, 1 << 40, 100_000_000] {
        let bytes = [&claimed.to_le_bytes()[..], b"{}"].concat();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        let error = refusal(folder.path());
        assert!(error.contains("corrupt or truncated"), "{claimed}: {error}");
    }
}

/// The sum of their lengths overflows, on which the library that reads the header panics where
/// overflows are checked.
#[test]
fn headers_of_tensors_larger_than_memory_are_refused() {
    const LEN: u64 = (1 << 61) - 1;
    let folder = with_header(|header| {
        *header = json!({});
        for n in 0..8 {
            header[n.to_string()] = json!({
                "dtype": "U8",
                "shape": [LEN],
                "data_offsets": [n * LEN, (n + 1) * LEN],
            });
        }
    });
    let error = refusal(folder.path());
    assert!(
        error.contains("model.safetensors is corrupt or truncated: "),
        "{error}"
    );
}

#[test]
fn weights_of_another_type_are_named() {
    let folder = with_header(|header| {
        let len = header[NORM]["data_offsets"][1].as_u64().unwrap()
            - header[NORM]["data_offsets"][0].as_u64().unwrap();
        header[NORM]["dtype"] = json!("I32");
        assert_eq!(len, 128);
    });
    let error = refusal(folder.path());
    assert!(
        error.contains("model.norm.weight has type i32, expected f64, f32, f16 or bf16"),
        "{error}"
    );
}

#[test]
fn a_misspelt_tensor_name_gets_a_suggestion() {
    let folder = with_header(|header| {
        let header = header.as_object_mut().unwrap();
        for (from, to) in [
            (NORM, "model.nrom.weight"),
            ("model.embed_tokens.weight", "Xq"),
        ] {
            let info = header.remove(from).unwrap();
            header.insert(to.to_owned(), info);
        }
    });
    let error = Checkpoint::open(folder.path()).unwrap_err();
    let CheckpointError::Tensors { problems, .. } = &error else {
        panic!("{error}");
    };
    let problem = |name: &str| {
        let named = |p: &&TensorError| p.to_string().starts_with(name);
        problems.0.iter().find(named).unwrap().to_string()
    };
    assert_eq!(
        problem("model.nrom"),
        "model.nrom.weight is unexpected (did you mean model.norm.weight?)"
    );
    assert_eq!(
        problem("model.norm"),
        "model.norm.weight is missing (possibly named model.nrom.weight)"
    );
    assert_eq!(problem("Xq"), "Xq is unexpected");
    assert_eq!(
        problem("model.embed"),
        "model.embed_tokens.weight is missing"
    );
    assert_eq!(problems.0.len(), 4);
}

#[test]
fn an_oversized_config_is_not_read_to_its_end() {
    let folder = with_header(|_| {});
    let config = folder.path().join("config.json");
    let file = std::fs::File::options().write(true).open(&config).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = refusal(folder.path());
    assert!(
        error.contains("config.json") && error.contains("it has more than"),
        "{error}"
    );
    let error = told(&Tokenizer::from_file(&config).unwrap_err());
    assert!(
        error.contains("config.json") && error.contains("it has more than"),
        "{error}"
    );
}

#[test]
fn folders_instead_of_files_are_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(folder.path());
    assert!(error.contains("the folder has no config.json"), "{error}");

    for (file, inner) in [
        ("models/faust", "model.bpk"),
        ("tests/fixtures/hf_export/hf", "model.safetensors"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = repository(file).join("config.json");
        std::fs::copy(config, folder.path().join("config.json")).unwrap();
        std::fs::create_dir(folder.path().join(inner)).unwrap();
        let error = refusal(folder.path());
        assert!(error.contains(inner), "{error}");
    }
    let error = told(&Tokenizer::from_file(folder.path()).unwrap_err());
    assert!(error.contains(&*folder.path().to_string_lossy()), "{error}");
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_named_with_the_systems_reason() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let endless = folder.path().join("endless.pt");
    symlink(&endless, &endless).unwrap();
    let error = refusal(&endless);
    assert!(
        error.contains("failed to read") && error.contains("symbolic links"),
        "{error}"
    );

    let locked = folder.path().join("locked.pt");
    std::fs::copy(fixture("tiny/plain.pt"), &locked).unwrap();
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).unwrap();
    // The superuser may read everything.
    if std::fs::File::open(&locked).is_err() {
        let error = refusal(&locked);
        assert!(
            error.contains("failed to read") && error.contains("ermission denied"),
            "{error}"
        );
    }
}

/// Opening a pipe would wait for somebody to write to it.
#[cfg(unix)]
#[test]
fn pipes_are_refused() {
    let folder = with_header(|_| {});
    let index = json!({"weight_map": {"a": "pipe"}});
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    std::fs::write(
        folder.path().join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let error = refusal(folder.path());
    assert!(error.contains("it is not a regular file"), "{error}");
    assert!(refusal(&pipe).contains("it is neither a file nor a folder"));
}
