//! The numbers in a stored tensor.

use crate::floats::{count_rounded, decode, encode};
use crate::mapped::{Mapped, ReleaseOnDrop};
use crate::{CheckpointError, scales};
use burn::tensor::{Bytes, DType};
use rayon::prelude::*;
use std::path::Path;
use wolfgang_model::quantise;

/// Name, shape, element type, and the bytes when they are asked for.
pub(crate) type Tensor = burn_pack::Tensor;

/// Numbers that a core treats at once; they stay in its own cache.
const PIECE: usize = 1 << 14;

/// A parameter as it lies in a file.
#[derive(Clone, Debug)]
pub(crate) struct StoredTensor {
    pub(crate) tensor: Tensor,
    /// The scale of each row, where the tensor is an int8 matrix.
    pub(crate) scales: Option<Tensor>,
}

impl StoredTensor {
    /// Everything that is stored of it.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.tensor).chain(&self.scales)
    }

    /// The bytes of all that.
    pub(crate) fn byte_len(&self) -> u64 {
        self.tensors().map(|tensor| tensor.byte_len() as u64).sum()
    }

    /// The length of a row; a vector is one.
    fn width(&self) -> usize {
        self.tensor.shape.last().copied().unwrap_or(1).max(1)
    }
}

/// A parameter whose weights can be read piece by piece.
pub(crate) struct TensorReader<'a> {
    path: &'a Path,
    stored: StoredTensor,
    bytes: Bytes,
    scales: Vec<f32>,
    _release: ReleaseOnDrop<'a>,
}

impl<'a> TensorReader<'a> {
    /// Opens what may lie in the files that are mapped as `maps`.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] and, for scales, [`CheckpointError::NotInt8`].
    pub(crate) fn new(
        path: &'a Path,
        stored: StoredTensor,
        maps: &'a [Mapped],
    ) -> Result<Self, CheckpointError> {
        let bytes = bytes_of(path, &stored.tensor)?;
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

    /// Writes the weights from `first` on, where a row begins, as f32, whatever type they are stored in.
    ///
    /// # Errors
    /// [`CheckpointError::NotFinite`], [`CheckpointError::NotInt8`] and [`CheckpointError::TooLarge`].
    pub(crate) fn read(&self, first: usize, into: &mut [f32]) -> Result<(), CheckpointError> {
        let (dtype, bytes) = (self.stored.tensor.dtype, self.bytes(first, into.len()));
        decode(dtype, bytes, into);
        if dtype == DType::I8 {
            self.check_int8(first, bytes)?;
            let width = self.stored.width();
            let scales = self.scales.get(first / width..).unwrap_or_default();
            scale_rows(into, width, scales);
        }
        check_finite(self.path, &self.stored.tensor, first, bytes, into)
    }

    /// Those of so many numbers.
    fn bytes(&self, first: usize, n: usize) -> &[u8] {
        let size = self.stored.tensor.dtype.size();
        &self.bytes[first * size..(first + n) * size]
    }

    /// Refuses the one number that has no opposite, in bytes that begin at the tensor's number `first`.
    fn check_int8(&self, first: usize, bytes: &[u8]) -> Result<(), CheckpointError> {
        const LEAST: u8 = i8::MIN.to_le_bytes()[0];
        // Only if there is any: `contains` is many times faster.
        let place = || bytes.iter().position(|byte| *byte == LEAST);
        let Some(at) = bytes.contains(&LEAST).then(place).flatten() else {
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

/// Makes weights of the whole numbers in rows.
fn scale_rows(rows: &mut [f32], width: usize, scales: &[f32]) {
    for (row, scale) in rows.chunks_mut(width).zip(scales) {
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

/// A parameter's weights in another type.
pub(crate) struct Converted {
    pub(crate) bytes: Bytes,
    /// The scale of each row, where that type is int8.
    pub(crate) scales: Option<Bytes>,
    /// How many weights the type could not hold exactly.
    pub(crate) rounded: usize,
}

/// Converts to `dtype`.
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
    let opened = TensorReader::new(path, stored.clone(), maps)?;
    let (n, width) = (stored.tensor.shape.num_elements(), stored.width());
    let rows = PIECE.div_ceil(width);
    let piece = rows * width;
    let decoded = |at: usize| {
        let mut values = vec![0f32; piece.min(n - at * piece)];
        opened.read(at * piece, &mut values).map(|()| values)
    };
    let as_bytes = |scales: &[f32]| {
        let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes());
        Bytes::from_bytes_vec(bytes.collect())
    };
    if dtype == stored.tensor.dtype {
        let pieces = (0..n.div_ceil(piece)).into_par_iter();
        pieces.try_for_each(|at| decoded(at).map(drop))?;
        let scales = stored.scales.as_ref().map(|_| as_bytes(&opened.scales));
        return Ok(Converted {
            bytes: opened.bytes,
            scales,
            rounded: 0,
        });
    }
    let mut written = vec![0; n * dtype.size()];
    let mut scales = vec![0f32; n.div_ceil(width)];
    let rounded = written
        .par_chunks_mut(piece * dtype.size())
        .zip(scales.par_chunks_mut(rows))
        .enumerate()
        .map(|(at, (into, scales))| {
            let values = decoded(at)?;
            let mut back = vec![0f32; values.len()];
            if dtype == DType::I8 {
                encode_int8(&values, width, into, scales);
                decode(dtype, into, &mut back);
                scale_rows(&mut back, width, scales);
            } else {
                encode(dtype, &values, into);
                decode(dtype, into, &mut back);
            }
            if let Some(index) = not_finite(&back) {
                return Err(CheckpointError::TooLarge {
                    path: path.to_path_buf(),
                    tensor: stored.tensor.name.clone(),
                    index: at * piece + index,
                    precision: if dtype == DType::I8 {
                        "int8"
                    } else {
                        dtype.name()
                    },
                });
            }
            let from = opened.bytes(at * piece, values.len());
            Ok(count_rounded((stored.tensor.dtype, from), &values, &back))
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok(Converted {
        bytes: Bytes::from_bytes_vec(written),
        scales: (dtype == DType::I8).then(|| as_bytes(&scales)),
        rounded,
    })
}

/// Stores rows as a model in int8 keeps them.
fn encode_int8(values: &[f32], width: usize, into: &mut [u8], scales: &mut [f32]) {
    let mut whole = vec![0i8; width];
    let rows = values.chunks(width).zip(into.chunks_mut(width));
    for ((row, into), scale) in rows.zip(scales) {
        *scale = quantise(row, &mut whole);
        for (to, number) in into.iter_mut().zip(&whole) {
            *to = number.to_le_bytes()[0];
        }
    }
}

/// Refuses NaN and infinities in a piece of a tensor, which begins at its number `first`, and whose `bytes` became
/// `values`.
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

/// A tensor's bytes, as many as it has numbers.
///
/// # Errors
/// [`CheckpointError::Damaged`].
pub(crate) fn bytes_of(path: &Path, tensor: &Tensor) -> Result<Bytes, CheckpointError> {
    let damaged = |source| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source,
    };
    let bytes = tensor.to_bytes().map_err(|e| damaged(e.into()))?;
    let n = tensor.shape.num_elements();
    if bytes.len() == n * tensor.dtype.size() {
        Ok(bytes)
    } else {
        let (name, found) = (&tensor.name, bytes.len());
        Err(damaged(
            format!("{name} has {found} bytes for {n} numbers").into(),
        ))
    }
}

/// The first number that is NaN or infinite.
fn not_finite(values: &[f32]) -> Option<usize> {
    // The search for any, without an early end, is many times faster than the search for the first.
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
    fn a_number_beyond_f32_is_no_infinity() {
        let refusal = |numbers: [f64; 2]| {
            let bytes = numbers.map(f64::to_le_bytes).concat();
            let bytes = Bytes::from_bytes_vec(bytes);
            let tensor = Tensor::new("w".to_owned(), DType::F64, [2], None, bytes);
            let stored = StoredTensor {
                tensor,
                scales: None,
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
