//! Storages in the mapped file, and tensors as views of them.

use crate::CheckpointError;
use crate::codec::decode;
use crate::pickle::{Storage, TensorRef};
use crate::tensor::Tensor;
use burn::tensor::{Bytes, DType};
use burn_pack::Error;
use serde_json::{Number, Value as Json};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Message for files with big-endian numbers.
pub(super) const BIG_ENDIAN: &str =
    "its weights are stored in big-endian byte order, and only little-endian is read";

/// The position of a storage in the file.
#[derive(Debug)]
pub(super) struct Place {
    range: Range<usize>,
    /// The CRC-32 in the file.
    checksum: Option<u32>,
    /// Whether the CRC-32 matches, if that has been checked.
    is_intact: OnceLock<bool>,
}

impl Place {
    pub(super) fn new(range: Range<usize>, checksum: Option<u32>) -> Self {
        Self {
            range,
            checksum,
            is_intact: OnceLock::new(),
        }
    }

    fn check(&self, file: &[u8]) -> Result<(), Error> {
        let compute = |checksum| crc32fast::hash(&file[self.range.clone()]) == checksum;
        let is_intact = || self.checksum.is_none_or(compute);
        if *self.is_intact.get_or_init(is_intact) {
            Ok(())
        } else {
            let Range { start, end } = self.range;
            let message = format!("the CRC-32 of the bytes {start} to {end} does not match");
            Err(Error::IoError(message))
        }
    }
}

/// The storages of a file.
pub(super) struct Storages {
    path: PathBuf,
    file: Bytes,
    places: HashMap<String, Arc<Place>>,
}

impl Storages {
    pub(super) fn new(path: &Path, file: Bytes, places: HashMap<String, Place>) -> Self {
        let places = places
            .into_iter()
            .map(|(key, place)| (key, Arc::new(place)));
        Self {
            path: path.to_path_buf(),
            file,
            places: places.collect(),
        }
    }

    /// Creates a tensor that is read when its bytes are requested.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] if the storage is missing or too small for the tensor, or if
    /// the element type has no [`DType`].
    pub(super) fn tensor(
        &self,
        name: String,
        described: &TensorRef,
    ) -> Result<Tensor, CheckpointError> {
        let damaged = |what: String| CheckpointError::damaged(&self.path, what);
        let Storage { key, .. } = &*described.storage;
        let place = self.places.get(&**key);
        let place = place.ok_or_else(|| {
            damaged(format!(
                "its tensor {name:.80} is in the storage {key:.20}, which is missing"
            ))
        })?;
        let size = described.element.size;
        let stored = (place.range.len() / size).min(described.available());
        let view = described
            .reach()
            .zip(described.len().and_then(|len| len.checked_mul(size)));
        let view = view.filter(|(reach, _)| *reach <= stored);
        let (_, byte_len) = view.ok_or_else(|| {
            damaged(format!(
                "its tensor {name:.80} exceeds the {stored} numbers of its storage"
            ))
        })?;
        let dtype = described.element.dtype;
        let dtype =
            dtype.ok_or_else(|| damaged(format!("its tensor {name:.80} has an unknown dtype")))?;

        let (file, place) = (self.file.clone(), Arc::clone(place));
        // The offset of an empty tensor may be outside of the storage.
        let offset = if byte_len == 0 { 0 } else { described.offset };
        let start = place.range.start + offset * size;
        let is_contiguous = byte_len == 0 || described.is_contiguous();
        let (shape, strides) = (described.shape.clone(), described.strides.clone());
        let read = move || {
            place.check(&file)?;
            if is_contiguous {
                let bytes = file.view(start, start + byte_len);
                return bytes.map_err(|e| Error::IoError(format!("{e:?}")));
            }
            let mut gathered = Vec::with_capacity(byte_len);
            gather(&file[start..], size, &shape, &strides, &mut gathered);
            Ok(Bytes::from_bytes_vec(gathered))
        };
        Ok(Tensor::deferred(
            name,
            dtype,
            described.shape.clone(),
            None,
            byte_len,
            read,
        ))
    }

    /// Reads the value of a tensor with one element; `None` for other tensors.
    pub(super) fn scalar(&self, described: &TensorRef) -> Option<Json> {
        let dtype = described.element.dtype;
        if described.len() != Some(1) || (dtype.is_none() && described.element.name != "bool") {
            return None;
        }
        let place = self.places.get(&*described.storage.key)?;
        let size = described.element.size;
        let start = described.offset.checked_mul(size)?;
        let bytes = self.file[place.range.clone()].get(start..start.checked_add(size)?)?;
        let mut padded = [0; 8];
        padded.get_mut(..size)?.copy_from_slice(bytes);
        let shift = 64 - 8 * size as u32;
        Some(match dtype {
            None => Json::Bool(bytes != [0]),
            Some(DType::F64) => Json::Number(Number::from_f64(f64::from_le_bytes(padded))?),
            Some(dtype @ (DType::F32 | DType::F16 | DType::BF16)) => {
                let mut value = [0.0];
                decode(dtype, bytes, &mut value);
                Json::Number(Number::from_f64(value[0].into())?)
            }
            Some(DType::I64 | DType::I32 | DType::I16 | DType::I8) => {
                ((u64::from_le_bytes(padded) << shift).cast_signed() >> shift).into()
            }
            Some(_) => u64::from_le_bytes(padded).into(),
        })
    }
}

/// Appends the elements of a strided view of `from` in row-major order. The view must be within
/// `from` and not empty.
fn gather(from: &[u8], size: usize, shape: &[usize], strides: &[usize], into: &mut Vec<u8>) {
    let ([.., columns], [.., step]) = (shape, strides) else {
        into.extend_from_slice(&from[..size]);
        return;
    };
    let outer = shape.len() - 1;
    let mut index = vec![0; outer];
    loop {
        let steps = index.iter().zip(strides);
        let row = steps.map(|(i, stride)| i * stride).sum::<usize>();
        if *step == 1 {
            into.extend_from_slice(&from[row * size..(row + columns) * size]);
        } else {
            for column in 0..*columns {
                let at = (row + column * step) * size;
                into.extend_from_slice(&from[at..at + size]);
            }
        }
        // Advances to the next row.
        let Some(dim) = (0..outer).rev().find(|dim| index[*dim] + 1 < shape[*dim]) else {
            return;
        };
        index[dim] += 1;
        index[dim + 1..].fill(0);
    }
}
