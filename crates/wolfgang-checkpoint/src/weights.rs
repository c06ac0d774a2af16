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

/// Writes a tensor's weights as f32 into `into`, whatever floating point type they are stored in.
///
/// # Errors
/// [`CheckpointError::Damaged`] and [`CheckpointError::NotFinite`].
pub(crate) fn fill_f32(
    path: &Path,
    tensor: &Tensor,
    into: &mut [f32],
) -> Result<(), CheckpointError> {
    let bytes = stored(path, tensor, into.len())?;
    into.par_chunks_mut(PIECE)
        .zip(bytes.par_chunks(PIECE * tensor.dtype.size()))
        .enumerate()
        .try_for_each(|(piece, (into, bytes))| {
            decode(tensor.dtype, bytes, into);
            check_finite(path, tensor, piece, into)
        })
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
        check_finite(path, tensor, piece, &values).map(|()| values)
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

/// Refuses NaN and infinities in one piece of a tensor.
fn check_finite(
    path: &Path,
    tensor: &Tensor,
    piece: usize,
    values: &[f32],
) -> Result<(), CheckpointError> {
    match not_finite(values) {
        None => Ok(()),
        Some(at) => Err(CheckpointError::NotFinite {
            path: path.to_path_buf(),
            tensor: tensor.name.clone(),
            index: piece * PIECE + at,
            value: values[at],
        }),
    }
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
