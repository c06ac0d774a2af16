//! The readers of checkpoints.

use crate::Verdict;
use crate::framing::part;
use crate::tokenizer::check_text;
use burn::tensor::Device;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, CheckpointError, GgufTokenizer};
use wolfgang_tokenize::Tokenizer;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An input that begins with it is not the `.pt` itself, but what to put into one: a pickle behind
/// its length, then the bytes of its storages. Changes to a whole archive mostly break its
/// directory and its checksums, and what reads the pickle would rarely see one.
const PARTS: u8 = b'Z';

/// A `.pt`: zip archive or legacy.
pub(crate) fn pytorch(input: &[u8]) -> Verdict {
    let archive = match input.split_first() {
        Some((&PARTS, parts)) => Some(archive(parts)),
        _ => None,
    };
    in_folder(|folder| {
        let path = folder.join("fuzzed.pt");
        std::fs::write(&path, archive.as_deref().unwrap_or(input)).unwrap();
        read(Checkpoint::open(&path))
    })
}

fn archive(parts: &[u8]) -> Vec<u8> {
    let (pickle, storage) = part(parts);
    let entries = [
        ("a/data.pkl", pickle),
        ("a/data/0", storage),
        ("a/version", b"3\n"),
    ];
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Hugging Face folder: `config.json`, the index, the weights, the first two behind their
/// lengths. Without an index the weights are one file under the name that needs none.
pub(crate) fn safetensors(input: &[u8]) -> Verdict {
    let (config, rest) = part(input);
    let (index, weights) = part(rest);
    in_folder(|folder| {
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
        write("config.json", config);
        if index.is_empty() {
            write("model.safetensors", weights);
        } else {
            write("model.safetensors.index.json", index);
            write("1.safetensors", weights);
        }
        read(Checkpoint::open(folder))
    })
}

/// A native checkpoint: `config.json` behind its length, then the record.
pub(crate) fn native(input: &[u8]) -> Verdict {
    let (config, record) = part(input);
    read(Checkpoint::from_memory(config, record.to_vec(), "memory"))
}

/// A GGUF file. The tokenizer in it is read, too.
pub(crate) fn gguf(input: &[u8]) -> Verdict {
    in_folder(|folder| {
        let path = folder.join("fuzzed.gguf");
        std::fs::write(&path, input).unwrap();
        check_embedded_tokenizer(&path);
        read(Checkpoint::open(&path))
    })
}

fn check_embedded_tokenizer(path: &Path) {
    let files = match GgufTokenizer::from_file(path) {
        Ok(Some(tokenizer)) => tokenizer.to_files(path),
        Ok(None) => return,
        Err(error) => Err(error),
    };
    let files = match files {
        Ok(files) => files,
        Err(error) => return said(&error),
    };
    let tokenizer = Tokenizer::from_memory(&files.tokenizer, &files.config, "fuzzed.gguf");
    match tokenizer {
        Ok(tokenizer) => check_text(&tokenizer, &files.tokenizer, "abba, aab <|end|> </s> 12 Ö"),
        Err(error) => said(&error),
    }
}

/// Reads the weights of what could be opened, and computes with them.
fn read(checkpoint: Result<Checkpoint, CheckpointError>) -> Verdict {
    let model = checkpoint.and_then(|checkpoint| {
        assert!(checkpoint.config().validate().is_ok());
        checkpoint.into_model(&Device::flex())
    });
    let model = match model {
        Ok(model) => model,
        Err(error) => {
            said(&error);
            return Verdict::Refused;
        }
    };
    let logits = model.forward(&[0]).expect("every model has the id 0");
    assert_eq!(logits.len(), model.config().vocab_size);
    Verdict::Accepted
}

/// Every refusal can be put into words.
fn said(error: &dyn std::error::Error) {
    let causes = std::iter::successors(Some(error), |error| error.source());
    assert!(causes.map(ToString::to_string).all(|text| !text.is_empty()));
}

/// Runs `work` in a folder that is empty, in memory where the system keeps one there.
fn in_folder<T>(work: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static ROOT: TempDir = {
            let memory = PathBuf::from("/dev/shm");
            let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
            TempDir::with_prefix_in("wolfgang-fuzzed-", parent).unwrap()
        };
    }
    ROOT.with(|root| {
        let folder = root.path().join("checkpoint");
        std::fs::create_dir(&folder).unwrap();
        let result = work(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        result
    })
}
