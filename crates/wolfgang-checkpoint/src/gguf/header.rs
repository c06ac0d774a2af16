//! The beginning of a GGUF file: version, counts and metadata.

use super::metadata::{self, Metadata};
use super::reader::HeaderReader;
use super::tensors;
use crate::CheckpointError;
use std::path::Path;

const MAGIC: &[u8] = b"GGUF";

/// Whether a file with this beginning is a GGUF file.
pub(crate) fn is_gguf(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The part of a file before the table of tensors.
pub(super) struct Header<'a> {
    pub(super) metadata: Metadata<'a>,
    pub(super) tensor_count: u64,
    /// At the table of tensors.
    pub(super) rest: HeaderReader<'a>,
}

impl<'a> Header<'a> {
    pub(super) fn read(path: &'a Path, file: &'a [u8]) -> Result<Self, CheckpointError> {
        let mut reader = HeaderReader::new(path, file);
        reader.take(MAGIC.len() as u64, "magic")?;
        check_version(&mut reader)?;
        let tensor_count = reader.count(tensors::MIN_ENTRY, "number of tensors")?;
        let value_count = reader.count(metadata::MIN_ENTRY, "number of metadata values")?;
        let metadata = Metadata::read(&mut reader, value_count)?;
        Ok(Self {
            metadata,
            tensor_count,
            rest: reader,
        })
    }
}

/// Accepts the versions 2 and 3, little-endian.
fn check_version(reader: &mut HeaderReader<'_>) -> Result<(), CheckpointError> {
    let version = reader.u32("version")?;
    let found = match version {
        2 | 3 => return Ok(()),
        // The magic is the same in both byte orders.
        _ if matches!(version.swap_bytes(), 1..=0xffff) => "a big-endian GGUF file".to_owned(),
        other => format!("version {other} of GGUF, expected 2 or 3"),
    };
    Err(CheckpointError::unsupported_format(reader.path(), found))
}
