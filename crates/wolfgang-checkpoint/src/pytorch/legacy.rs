//! The format before PyTorch 1.6: five pickles, then the storages.
//!
//! The pickles are a magic number, the version, the system, the object, and the list of the keys of
//! the storages. Each storage is the number of its elements in 8 bytes, followed by the elements.
//! The size of an element is known only from the object.

use super::storages::{BIG_ENDIAN, Place};
use crate::CheckpointError;
use crate::pickle::{self, Pickle};
use std::collections::HashMap;
use std::path::Path;

/// 0x1950a86a20f9469cfc6c, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

const VERSION: i64 = 1001;

/// Whether a file whose first pickle is this one has the format.
pub(super) fn is_magic(first: &Pickle<'_>) -> bool {
    first.is_big_int(&MAGIC)
}

/// Reads the object and the positions of its storages. `rest` are the bytes after the magic number.
pub(super) fn read<'a>(
    path: &Path,
    file: &'a [u8],
    rest: &'a [u8],
) -> Result<(Pickle<'a>, HashMap<String, Place>), CheckpointError> {
    let (version, rest) = pickle::read(rest).map_err(|e| e.at(path))?;
    let (system, rest) = pickle::read(rest).map_err(|e| e.at(path))?;
    let (object, rest) = pickle::read(rest).map_err(|e| e.at(path))?;
    let (keys, rest) = pickle::read(rest).map_err(|e| e.at(path))?;
    if !version.is_int(VERSION) {
        let found = "it has an unknown version of the format before PyTorch 1.6";
        return Err(CheckpointError::unsupported_format(path, found));
    }
    if system.is_false("little_endian") {
        return Err(CheckpointError::unsupported_format(path, BIG_ENDIAN));
    }
    let keys = keys.strings();
    let keys =
        keys.ok_or_else(|| CheckpointError::damaged(path, "the list of storage keys is missing"))?;

    let mut sizes = HashMap::new();
    for storage in object.storages() {
        let size = storage.element.as_ref().map(|element| element.size);
        sizes.entry(&*storage.key).or_insert(size);
    }
    let mut places = HashMap::new();
    let mut at = file.len() - rest.len();
    for key in keys {
        let size = match sizes.get(key) {
            Some(Ok(size)) => *size,
            Some(Err(class)) => {
                return Err(CheckpointError::unsupported_format(
                    path,
                    format!("it has a storage of the class {class:.80}"),
                ));
            }
            None => {
                return Err(CheckpointError::damaged(
                    path,
                    "a storage has no dtype: no tensor refers to it",
                ));
            }
        };
        let len = file.get(at..).and_then(|rest| rest.first_chunk());
        let len = len.and_then(|len| usize::try_from(u64::from_le_bytes(*len)).ok());
        let range = len.and_then(|len| {
            let start = at + size_of::<u64>();
            Some(start..start.checked_add(len.checked_mul(size)?)?)
        });
        let range = range.filter(|range| range.end <= file.len());
        let range = range
            .ok_or_else(|| CheckpointError::damaged(path, "the file ends within its storages"))?;
        at = range.end;
        places.insert(key.to_owned(), Place::new(range, None));
    }
    Ok((object, places))
}
