//! The tensor table of a GGUF file.

use super::reader::HeaderReader;
use crate::CheckpointError;
use crate::blocks::BlockType;
use burn::tensor::DType;
use std::collections::BTreeSet;
use std::ops::Range;

/// A tensor of the table. Its bytes are within the file and overlap no other tensor.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Row-major, as everywhere else in this crate.
    pub(super) shape: Vec<usize>,
    pub(super) element: Element,
    /// Position in the file.
    pub(super) bytes: Range<usize>,
}

/// How the elements of a tensor are stored.
#[derive(Clone, Copy)]
pub(super) enum Element {
    Plain(DType),
    Blocks(BlockType),
}

/// The smallest entry: length of the name, number of dimensions, type, offset.
pub(super) const MIN_ENTRY: u64 = 8 + 4 + 4 + 8;

/// The largest number of dimensions in ggml.
const MAX_DIMENSIONS: u32 = 4;

/// Supported types, for messages.
const SUPPORTED: &str = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K or Q6_K";

/// Reads `count` entries. The data of the tensors begins at the next multiple of `alignment`.
pub(super) fn read<'a>(
    reader: &mut HeaderReader<'a>,
    count: u64,
    alignment: usize,
    file_len: usize,
) -> Result<Vec<Entry<'a>>, CheckpointError> {
    let mut names = BTreeSet::new();
    let mut entries = Vec::new();
    for index in 0..count {
        let (entry, offset) = read_entry(reader, index)?;
        if !names.insert(entry.name) {
            return Err(reader.invalid(entry.name, "the tensor occurs twice"));
        }
        if !offset.is_multiple_of(alignment as u64) {
            let problem = format!("its offset {offset} is not a multiple of {alignment}");
            return Err(reader.invalid(entry.name, problem));
        }
        entries.push((entry, offset));
    }
    let data = reader.position().next_multiple_of(alignment);
    let place = |(entry, offset): (Entry<'a>, u64)| {
        let start = usize::try_from(offset).ok();
        let start = start.and_then(|offset| offset.checked_add(data));
        let end = start.and_then(|start| start.checked_add(entry.bytes.len()));
        match (start, end) {
            (Some(start), Some(end)) if end <= file_len => Ok(Entry {
                bytes: start..end,
                ..entry
            }),
            _ => {
                let len = entry.bytes.len();
                let problem = format!(
                    "its {len} bytes at offset {offset} end after the file of {file_len} bytes"
                );
                Err(reader.invalid(entry.name, problem))
            }
        }
    };
    let mut entries: Vec<_> = entries.into_iter().map(place).collect::<Result<_, _>>()?;
    entries.sort_by_key(|entry| (entry.bytes.start, entry.bytes.end));
    for pair in entries.windows(2) {
        if let [first, second] = pair
            && first.bytes.end > second.bytes.start
        {
            let problem = format!("it overlaps {:.100}", first.name);
            return Err(reader.invalid(second.name, problem));
        }
    }
    Ok(entries)
}

/// Reads an entry and the offset of its bytes. The bytes of the entry begin at 0.
fn read_entry<'a>(
    reader: &mut HeaderReader<'a>,
    index: u64,
) -> Result<(Entry<'a>, u64), CheckpointError> {
    let name = reader.string(&format!("name of tensor {index}"))?;
    let dimensions = reader.u32(name)?;
    if dimensions > MAX_DIMENSIONS {
        let problem = format!("{dimensions} dimensions, at most {MAX_DIMENSIONS} are possible");
        return Err(reader.invalid(name, problem));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let size = reader.u64(name)?;
        let size = usize::try_from(size)
            .map_err(|_| reader.invalid(name, format!("a dimension of {size}")))?;
        shape.push(size);
    }
    let number = reader.u32(name)?;
    let offset = reader.u64(name)?;
    let element = element(number).ok_or_else(|| {
        let type_name = type_name(number);
        let found = format!("{name:.100} has type {type_name}, expected {SUPPORTED}");
        CheckpointError::unsupported_format(reader.path(), found)
    })?;
    let (block, size) = match element {
        Element::Plain(dtype) => (1, dtype.size()),
        Element::Blocks(blocks) => (blocks.elements(), blocks.bytes()),
    };
    let width = shape.first().copied().unwrap_or(1);
    if !width.is_multiple_of(block) {
        let problem = format!("rows of {width} weights do not consist of blocks of {block}");
        return Err(reader.invalid(name, problem));
    }
    let elements = shape
        .iter()
        .try_fold(1usize, |n, size| n.checked_mul(*size));
    let len = elements.and_then(|n| (n / block).checked_mul(size));
    let len = len.ok_or_else(|| {
        reader.invalid(name, format!("the shape {shape:?} has too many elements"))
    })?;
    // ggml has the innermost dimension first.
    shape.reverse();
    let entry = Entry {
        name,
        shape,
        element,
        bytes: 0..len,
    };
    Ok((entry, offset))
}

fn element(number: u32) -> Option<Element> {
    Some(match number {
        0 => Element::Plain(DType::F32),
        1 => Element::Plain(DType::F16),
        2 => Element::Blocks(BlockType::Q4_0),
        3 => Element::Blocks(BlockType::Q4_1),
        6 => Element::Blocks(BlockType::Q5_0),
        7 => Element::Blocks(BlockType::Q5_1),
        8 => Element::Blocks(BlockType::Q8_0),
        12 => Element::Blocks(BlockType::Q4K),
        14 => Element::Blocks(BlockType::Q6K),
        30 => Element::Plain(DType::BF16),
        _ => return None,
    })
}

/// The name in ggml of an unsupported type.
fn type_name(number: u32) -> String {
    let name = match number {
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        13 => "Q5_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        other => return format!("number {other}"),
    };
    name.to_owned()
}
