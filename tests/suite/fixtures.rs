//! Paths of fixtures, and functions that read them.

use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use wolfgang_generate::{Device, WolfgangGenerator};

/// A path within the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}

/// A path within `tests/fixtures`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    repository("tests/fixtures").join(path)
}

/// The `.pt` files of one folder of the fixtures, at least one.
pub(crate) fn checkpoints_in(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "pt"))
        .collect();
    assert!(!files.is_empty(), "no checkpoints in {folder}");
    files
}

pub(crate) fn json<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_slice(&std::fs::read(fixture(path)).unwrap()).unwrap()
}

/// The shipped model, loaded once.
pub(crate) fn faust() -> &'static WolfgangGenerator {
    static FAUST: LazyLock<WolfgangGenerator> = LazyLock::new(|| {
        WolfgangGenerator::from_path(repository("models/faust"), &Device::flex()).unwrap()
    });
    &FAUST
}

/// A tokenizer for the tiny models: the Faust model's first 512 ids.
pub(crate) fn tiny_tokenizer() -> Vec<u8> {
    let json = std::fs::read(repository("models/faust/tokenizer.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
    vocab.retain(|_, id| id.as_u64().unwrap() < 512);
    let vocab = vocab.clone();
    let merges = json["model"]["merges"].as_array_mut().unwrap();
    merges.retain(|pair| {
        let [left, right] = [&pair[0], &pair[1]].map(|side| side.as_str().unwrap());
        vocab.contains_key(&format!("{left}{right}"))
    });
    serde_json::to_vec(&json).unwrap()
}

/// Runs a command with these bytes on standard input.
pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may end without reading it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The `wolfgang` command, without environment variables of this machine.
pub(crate) fn wolfgang() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wolfgang-under-test"));
    let variables = [
        "MODEL",
        "TOKENIZER",
        "DEVICE",
        "DTYPE",
        "THREADS",
        "PRESET",
        "LANG",
    ];
    for variable in variables {
        command.env_remove(format!("WOLFGANG_{variable}"));
    }
    // A file that is there and holds nothing.
    command.env("WOLFGANG_CONFIG", fixture("empty.toml"));
    command.env_remove("NO_COLOR");
    command
}

/// `cargo xtask`.
pub(crate) fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask-under-test"))
}

/// A safetensors file with its list of cases in the metadata.
pub(crate) struct Golden(Vec<u8>);

impl Golden {
    /// Reads a file of the fixtures.
    pub(crate) fn read(path: &str) -> Self {
        Self::read_from(&fixture(path))
    }

    pub(crate) fn read_from(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap())
    }

    pub(crate) fn cases<T: DeserializeOwned>(&self) -> Vec<T> {
        let (_, header) = SafeTensors::read_metadata(&self.0).unwrap();
        let cases = &header.metadata().as_ref().unwrap()["cases"];
        let cases: Vec<T> = serde_json::from_str(cases).unwrap();
        assert!(!cases.is_empty());
        cases
    }

    pub(crate) fn f32(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }

    pub(crate) fn ids(&self, name: &str) -> Vec<u32> {
        let bytes = self.bytes(name);
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        if tensors.tensor(name).unwrap().dtype() == Dtype::I32 {
            let ids = bytes.chunks_exact(4);
            return ids
                .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
                .collect();
        }
        let ids = bytes
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()));
        ids.map(|id| u32::try_from(id).unwrap()).collect()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        SafeTensors::deserialize(&self.0)
            .unwrap()
            .tensor(name)
            .unwrap()
            .data()
            .to_vec()
    }
}

/// Asserts that two runs of logits differ by at most `tolerance` times the largest of them.
#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0f32, |max, x| max.max(x.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0f32, f32::max);
    assert!(
        worst.is_finite() && worst <= tolerance * scale,
        "{what}: {worst} apart at scale {scale}"
    );
}
