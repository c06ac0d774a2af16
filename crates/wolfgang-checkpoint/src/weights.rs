//! Reading and conversion of weights.

use crate::codec::{count_rounded, decode, encode};
use crate::mapped::{Mapped, ReleaseOnDrop};
use crate::tensor::{StoredTensor, Tensor, read_bytes};
use crate::{CheckpointError, int4, scales};
use burn::tensor::{Bytes, DType};
use rayon::prelude::*;
use std::path::Path;
use wolfgang_model::quantise;

/// Number of elements that one thread converts at a time. They fit into the cache of a core.
const CHUNK: usize = 1 << 14;

/// A parameter whose weights can be read in chunks of rows.
pub(crate) struct TensorReader<'a> {
    path: &'a Path,
    stored: StoredTensor,
    bytes: Bytes,
    scales: Vec<f32>,
    _release: ReleaseOnDrop<'a>,
}

impl<'a> TensorReader<'a> {
    /// Opens a parameter. `maps` are the mapped files that may contain it; their pages are released
    /// when the reader is dropped.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] and, for scales, [`CheckpointError::NotInt8`].
    pub(crate) fn new(
        path: &'a Path,
        stored: StoredTensor,
        maps: &'a [Mapped],
    ) -> Result<Self, CheckpointError> {
        let n = stored.tensor.shape.num_elements();
        let bytes = read_bytes(path, &stored.tensor, stored.stored_len(n))?;
        let scales = match &stored.scales {
            Some(scales) => scales::read(path, scales)?,
            None => Vec::new(),
        };
        Ok(Self {
            path,
            stored,
            bytes,
            scales,
            _release: ReleaseOnDrop(maps),
        })
    }

    /// Converts the weights from index `first` on to f32. `first` is the beginning of a row.
    ///
    /// # Errors
    /// [`CheckpointError::NotFinite`], [`CheckpointError::NotInt8`] and
    /// [`CheckpointError::TooLarge`].
    pub(crate) fn read(&self, first: usize, into: &mut [f32]) -> Result<(), CheckpointError> {
        let (dtype, bytes) = (self.stored.tensor.dtype, self.bytes(first, into.len()));
        match self.stored.blocks {
            Some(blocks) => blocks.dequantise(bytes, into),
            None => decode(dtype, bytes, into),
        }
        if dtype == DType::I8 {
            self.check_int8(first, bytes)?;
            let width = self.stored.width();
            let scales = self.scales.get(first / width..).unwrap_or_default();
            scale_rows(into, width, scales);
        }
        check_finite(self.path, &self.stored.tensor, first, bytes, into)
    }

    /// Returns the stored bytes of `n` elements from index `first` on, which are whole rows.
    fn bytes(&self, first: usize, n: usize) -> &[u8] {
        let start = self.stored.stored_len(first);
        &self.bytes[start..][..self.stored.stored_len(n)]
    }

    /// Refuses -128, which int8 weights do not use. `bytes` begin at index `first` of the tensor.
    fn check_int8(&self, first: usize, bytes: &[u8]) -> Result<(), CheckpointError> {
        const MIN: u8 = i8::MIN.to_le_bytes()[0];
        // `contains` is many times faster than `position`.
        let position = || bytes.iter().position(|byte| *byte == MIN);
        let Some(at) = bytes.contains(&MIN).then(position).flatten() else {
            return Ok(());
        };
        Err(CheckpointError::NotInt8 {
            path: self.path.to_path_buf(),
            tensor: self.stored.tensor.name.clone(),
            index: first + at,
            value: i8::MIN.into(),
            rule: "int8 weights must be between -127 and 127",
        })
    }
}

/// Multiplies each row by its scale.
fn scale_rows(rows: &mut [f32], width: usize, scales: &[f32]) {
    for (row, scale) in rows.chunks_mut(width).zip(scales) {
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

/// The weights of a parameter, converted to another element type.
pub(crate) struct Converted {
    pub(crate) bytes: Bytes,
    /// The scale of each row, for int8.
    pub(crate) scales: Option<Bytes>,
    /// Number of weights that were rounded.
    pub(crate) rounded: usize,
}

/// Converts a parameter to `dtype`, which is [`int4::DTYPE`] for int4.
///
/// # Errors
/// [`CheckpointError::Damaged`], [`CheckpointError::NotFinite`], [`CheckpointError::NotInt8`] and
/// [`CheckpointError::TooLarge`].
pub(crate) fn convert_to(
    path: &Path,
    stored: &StoredTensor,
    maps: &[Mapped],
    dtype: DType,
) -> Result<Converted, CheckpointError> {
    let reader = TensorReader::new(path, stored.clone(), maps)?;
    let (n, width) = (stored.tensor.shape.num_elements(), stored.width());
    let rows = CHUNK.div_ceil(width);
    let chunk = rows * width;
    let decoded = |at: usize| {
        let mut values = vec![0f32; chunk.min(n - at * chunk)];
        reader.read(at * chunk, &mut values).map(|()| values)
    };
    let as_bytes = |scales: &[f32]| {
        let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes());
        Bytes::from_bytes_vec(bytes.collect())
    };
    let is_kept = match stored.blocks {
        Some(blocks) => dtype == int4::DTYPE && blocks == int4::BLOCKS,
        None => dtype == stored.tensor.dtype,
    };
    if is_kept {
        // Only validates the values.
        let chunks = (0..n.div_ceil(chunk)).into_par_iter();
        chunks.try_for_each(|at| decoded(at).map(drop))?;
        let scales = stored.scales.as_ref().map(|_| as_bytes(&reader.scales));
        return Ok(Converted {
            bytes: reader.bytes,
            scales,
            rounded: 0,
        });
    }
    let written_len = |n: usize| match dtype {
        int4::DTYPE => int4::stored_len(n),
        dtype => n * dtype.size(),
    };
    let mut written = vec![0; written_len(n)];
    let mut scales = vec![0f32; n.div_ceil(width)];
    let rounded = written
        .par_chunks_mut(written_len(chunk))
        .zip(scales.par_chunks_mut(rows))
        .enumerate()
        .map(|(at, (into, scales))| {
            let values = decoded(at)?;
            let mut back = vec![0f32; values.len()];
            match dtype {
                DType::I8 => {
                    encode_int8(&values, width, into, scales);
                    decode(dtype, into, &mut back);
                    scale_rows(&mut back, width, scales);
                }
                int4::DTYPE => {
                    int4::encode(&values, into);
                    int4::BLOCKS.dequantise(into, &mut back);
                }
                _ => {
                    encode(dtype, &values, into);
                    decode(dtype, into, &mut back);
                }
            }
            if let Some(index) = not_finite(&back) {
                return Err(CheckpointError::TooLarge {
                    path: path.to_path_buf(),
                    tensor: stored.tensor.name.clone(),
                    index: at * chunk + index,
                    precision: match dtype {
                        DType::I8 => "int8",
                        int4::DTYPE => "int4",
                        _ => dtype.name(),
                    },
                });
            }
            let from = reader.bytes(at * chunk, values.len());
            Ok(count_rounded((stored.tensor.dtype, from), &values, &back))
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok(Converted {
        bytes: Bytes::from_bytes_vec(written),
        scales: (dtype == DType::I8).then(|| as_bytes(&scales)),
        rounded,
    })
}

/// Quantises rows to int8 in the same way as a model that computes in int8.
fn encode_int8(values: &[f32], width: usize, into: &mut [u8], scales: &mut [f32]) {
    let mut quantised = vec![0i8; width];
    let rows = values.chunks(width).zip(into.chunks_mut(width));
    for ((row, into), scale) in rows.zip(scales) {
        *scale = quantise(row, &mut quantised);
        for (to, number) in into.iter_mut().zip(&quantised) {
            *to = number.to_le_bytes()[0];
        }
    }
}

/// Refuses NaN and infinities. `values` are the elements of `tensor` from index `first` on, decoded
/// from `bytes`.
fn check_finite(
    path: &Path,
    tensor: &Tensor,
    first: usize,
    bytes: &[u8],
    values: &[f32],
) -> Result<(), CheckpointError> {
    let Some(at) = not_finite(values) else {
        return Ok(());
    };
    let (path, name, index) = (path.to_path_buf(), tensor.name.clone(), first + at);
    let stored = bytes.as_chunks().0.get(at).map(|b| f64::from_le_bytes(*b));
    if tensor.dtype == DType::F64 && stored.is_some_and(f64::is_finite) {
        return Err(CheckpointError::TooLarge {
            path,
            tensor: name,
            index,
            precision: DType::F32.name(),
        });
    }
    Err(CheckpointError::NotFinite {
        path,
        tensor: name,
        index,
        value: values[at],
    })
}

/// Returns the index of the first number that is NaN or infinite.
fn not_finite(values: &[f32]) -> Option<usize> {
    // Without an early exit, the check is vectorised and many times faster than `position`.
    let all_finite = values.iter().fold(true, |all, x| all & x.is_finite());
    if all_finite {
        return None;
    }
    values.iter().position(|x| !x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_the_range_of_f32_is_not_reported_as_infinite() {
        let refusal = |numbers: [f64; 2]| {
            let bytes = numbers.map(f64::to_le_bytes).concat();
            let bytes = Bytes::from_bytes_vec(bytes);
            let tensor = Tensor::new("w".to_owned(), DType::F64, [2], None, bytes);
            let stored = StoredTensor {
                tensor,
                scales: None,
                blocks: None,
            };
            let opened = TensorReader::new(Path::new("x.pt"), stored, &[]).unwrap();
            opened.read(0, &mut [0.0; 2]).unwrap_err()
        };
        assert_eq!(
            refusal([0.0, 1e300]).to_string(),
            "x.pt: w holds a number at index 1 that is too large for f32"
        );
        assert_eq!(
            refusal([f64::INFINITY, 0.0]).to_string(),
            "x.pt: w holds inf at index 0, but weights must be finite"
        );
    }
}
