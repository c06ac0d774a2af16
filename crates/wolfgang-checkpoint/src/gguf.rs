//! GGUF files of llama.cpp, read-only: metadata, a table of tensors, and their bytes.

mod config;
mod header;
mod metadata;
mod names;
mod piece_merges;
mod reader;
mod rope_factors;
mod tensors;
mod tokenizer;
mod tokenizer_files;

pub(crate) use header::is_gguf;
pub(crate) use names::gguf_name;
pub use tokenizer::GgufTokenizer;
pub use tokenizer_files::TokenizerFiles;

use crate::format::Format;
use crate::huggingface::{interleaved, is_rotated};
use crate::mapped::Mapped;
use crate::raw::{RawCheckpoint, Skipped};
use crate::tensor::Tensor;
use crate::{CheckpointError, codec, end_ids};
use burn::tensor::{Bytes, DType};
use config::Architecture;
use header::Header;
use names::original_name;
use std::collections::BTreeMap;
use std::path::Path;
use tensors::{Element, Entry};
use wolfgang_model::{ModelConfig, RopeScaling};

/// Number of parts of a model.
const SPLIT: &str = "split.count";

/// Multiple at which the bytes of each tensor begin.
const ALIGNMENT: &str = "general.alignment";

/// Opens the file at `path`: reads the metadata, and names and shapes of the tensors.
pub(crate) fn open(path: &Path) -> Result<RawCheckpoint, CheckpointError> {
    let map = Mapped::open(path).map_err(|source| CheckpointError::read(path, source))?;
    let file = map.bytes();
    let raw = read(path, &file)?;
    Ok(RawCheckpoint {
        maps: vec![map],
        ..raw
    })
}

fn read(path: &Path, file: &Bytes) -> Result<RawCheckpoint, CheckpointError> {
    let Header {
        metadata,
        tensor_count,
        rest: mut reader,
    } = Header::read(path, file)?;
    if metadata.size(SPLIT)?.is_some_and(|parts| parts > 1) {
        let expected = "1; merge the parts with llama-gguf-split --merge";
        return Err(metadata.unsupported(SPLIT, expected));
    }
    let alignment = metadata.size(ALIGNMENT)?.unwrap_or(32);
    if !alignment.is_power_of_two() || alignment > 1 << 16 {
        return Err(metadata.unsupported(ALIGNMENT, "a power of two up to 65536"));
    }
    let architecture = Architecture::read(&metadata)?;
    let entries = tensors::read(&mut reader, tensor_count, alignment, file.len())?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let mut config = config::read(architecture, &metadata, has)?;
    let tokenizer = tokenizer::read(&metadata)?;
    let eos = metadata.id("tokenizer.ggml.eos_token_id")?;
    let ends = eos
        .into_iter()
        .chain(metadata.id("tokenizer.ggml.eot_token_id")?);
    let ends = ends.map(i64::from).collect();
    let (end_ids, mut skipped) = end_ids::split_by_vocabulary(ends, config.vocab_size);

    let mut tensors = BTreeMap::new();
    let mut blocks = BTreeMap::new();
    for entry in entries {
        if entry.name == rope_factors::TENSOR {
            config.rope_scaling = Some(rope_scaling(path, &config, &entry, file)?);
            skipped.push(Skipped {
                name: entry.name.to_owned(),
                reason: "computed, not learned",
            });
            continue;
        }
        let name = original_name(entry.name).unwrap_or_else(|| entry.name.to_owned());
        let dtype = match entry.element {
            Element::Plain(dtype) => dtype,
            Element::Blocks(block) => {
                blocks.insert(name.clone(), block);
                // The type after dequantisation.
                DType::F32
            }
        };
        let bytes = file
            .view(entry.bytes.start, entry.bytes.end)
            .map_err(|e| CheckpointError::damaged(path, format!("{e:?}")))?;
        let mut tensor = Tensor::new(name.clone(), dtype, entry.shape, None, bytes);
        if architecture.rotates_halves() && is_rotated(&name) {
            tensor = interleaved(tensor, config.head_dim());
        }
        if tensors.insert(name, tensor).is_some() {
            let found = format!("it contains {:.80} twice", entry.name);
            return Err(CheckpointError::not_a_checkpoint(path, found));
        }
    }
    Ok(RawCheckpoint {
        end_ids,
        skipped,
        blocks,
        tokenizer,
        ..RawCheckpoint::new(Format::Gguf, config, tensors)
    })
}

/// Returns the scaling that `rope_freqs.weight` describes.
fn rope_scaling(
    path: &Path,
    config: &ModelConfig,
    entry: &Entry<'_>,
    file: &[u8],
) -> Result<RopeScaling, CheckpointError> {
    let scaling = match entry.element {
        Element::Plain(DType::F32) if entry.shape == [config.head_dim() / 2] => {
            let mut divisors = vec![0.0; config.head_dim() / 2];
            codec::decode(DType::F32, &file[entry.bytes.clone()], &mut divisors);
            rope_factors::scaling(config, &divisors)
        }
        _ => None,
    };
    scaling.ok_or_else(|| {
        let found = format!(
            "{} has other values than Llama 3.1 and Llama 3.2",
            rope_factors::TENSOR
        );
        CheckpointError::unsupported_format(path, found)
    })
}
