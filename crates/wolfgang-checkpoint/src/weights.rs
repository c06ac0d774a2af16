//! The numbers in a stored tensor.

use crate::CheckpointError;
use crate::floats::{count_rounded, decode, encode};
use burn::tensor::{Bytes, DType};
use rayon::prelude::*;
use std::path::Path;

/// Name, shape, element type, and the bytes when they are asked for.
pub(crate) type Tensor = burn_pack::Tensor;

/// Numbers that a core treats at once; they stay in its own cache.
const PIECE: usize = 1 << 14;

/// A tensor whose weights can be read piece by piece.
pub(crate) struct Opened<'a> {
    path: &'a Path,
    tensor: Tensor,
    bytes: Bytes,
}

impl<'a> Opened<'a> {
    /// # Errors
    /// [`CheckpointError::Damaged`].
    pub(crate) fn new(path: &'a Path, tensor: Tensor) -> Result<Self, CheckpointError> {
        let bytes = stored(path, &tensor, tensor.shape.num_elements())?;
        Ok(Self {
            path,
            tensor,
            bytes,
        })
    }

    /// Writes the weights from `first` on as f32, whatever floating point type they are stored in.
    ///
    /// # Errors
    /// [`CheckpointError::NotFinite`] and [`CheckpointError::TooLarge`].
    pub(crate) fn read(&self, first: usize, into: &mut [f32]) -> Result<(), CheckpointError> {
        let (dtype, size) = (self.tensor.dtype, self.tensor.dtype.size());
        let bytes = &self.bytes[first * size..(first + into.len()) * size];
        decode(dtype, bytes, into);
        check_finite(self.path, &self.tensor, first, bytes, into)
    }
}

/// A tensor's weights as `dtype`, and how many of them it could not hold exactly.
///
/// # Errors
/// [`CheckpointError::Damaged`], [`CheckpointError::NotFinite`] and [`CheckpointError::TooLarge`].
pub(crate) fn convert_to(
    path: &Path,
    tensor: &Tensor,
    dtype: DType,
) -> Result<(Bytes, usize), CheckpointError> {
    let n = tensor.shape.num_elements();
    let bytes = stored(path, tensor, n)?;
    let pieces = bytes.par_chunks(PIECE * tensor.dtype.size()).enumerate();
    let decoded = |piece: usize, bytes: &[u8]| {
        let mut values = vec![0f32; bytes.len() / tensor.dtype.size()];
        decode(tensor.dtype, bytes, &mut values);
        check_finite(path, tensor, piece * PIECE, bytes, &values).map(|()| values)
    };
    if dtype == tensor.dtype {
        pieces.try_for_each(|(piece, bytes)| decoded(piece, bytes).map(drop))?;
        return Ok((bytes, 0));
    }
    let mut written = vec![0; n * dtype.size()];
    let rounded = pieces
        .zip(written.par_chunks_mut(PIECE * dtype.size()))
        .map(|((piece, bytes), into)| {
            let mut values = decoded(piece, bytes)?;
            encode(dtype, &values, into);
            decode(dtype, into, &mut values);
            match not_finite(&values) {
                None => Ok(count_rounded((tensor.dtype, bytes), (dtype, into))),
                Some(at) => Err(CheckpointError::TooLarge {
                    path: path.to_path_buf(),
                    tensor: tensor.name.clone(),
                    index: piece * PIECE + at,
                    precision: dtype.name(),
                }),
            }
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    Ok((Bytes::from_bytes_vec(written), rounded))
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

/// A tensor's bytes: `n` numbers.
fn stored(path: &Path, tensor: &Tensor, n: usize) -> Result<Bytes, CheckpointError> {
    let damaged = |source| CheckpointError::Damaged {
        path: path.to_path_buf(),
        source,
    };
    let bytes = tensor.to_bytes().map_err(|e| damaged(e.into()))?;
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
            let opened = Opened::new(Path::new("x.pt"), tensor).unwrap();
            opened.read(0, &mut [0.0; 2]).unwrap_err()
        };
        assert_eq!(
            refusal([0.0, 1e300]).to_string(),
            "x.pt: w holds a number at index 1 that f32 cannot hold"
        );
        assert_eq!(
            refusal([f64::INFINITY, 0.0]).to_string(),
            "x.pt: w holds inf at index 0, but weights must be finite"
        );
    }
}
