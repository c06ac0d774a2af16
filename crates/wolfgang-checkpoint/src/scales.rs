//! The scales of int8 matrices: beside each such matrix lies a vector in f32, a number for each row.

use crate::raw::Format;
use crate::weights::{StoredTensor, Tensor, bytes_of};
use crate::{CheckpointError, TensorError};
use burn::tensor::DType;
use std::collections::BTreeMap;
use std::path::Path;

/// What stands behind a matrix's name in that of its scales.
const SUFFIX: &str = "_scale";

/// What the scales of this matrix are called.
pub(crate) fn name_of(matrix: &str) -> String {
    format!("{matrix}{SUFFIX}")
}

/// Whether files of this format may have int8 matrices.
pub(crate) fn are_stored_in(format: Format) -> bool {
    format == Format::Native
}

/// Puts scales beside what they are of, and tells of those for which there is nothing.
pub(crate) fn attach_scales(
    format: Format,
    tensors: BTreeMap<String, Tensor>,
) -> (BTreeMap<String, StoredTensor>, Vec<TensorError>) {
    let (of_scales, of_weights): (BTreeMap<_, _>, BTreeMap<_, _>) = tensors
        .into_iter()
        .partition(|(name, _)| are_stored_in(format) && name.ends_with(SUFFIX));
    let alone = |tensor| StoredTensor {
        tensor,
        scales: None,
    };
    let mut stored: BTreeMap<_, _> = of_weights
        .into_iter()
        .map(|(name, tensor)| (name, alone(tensor)))
        .collect();
    let mut problems = Vec::new();
    for (name, scales) in of_scales {
        let of = name.strip_suffix(SUFFIX).unwrap_or(&name).to_owned();
        match stored.get_mut(&of) {
            Some(stored) if stored.tensor.dtype == DType::I8 => stored.scales = Some(scales),
            other => problems.push(TensorError::StrayScales {
                name,
                of,
                found: other.map(|stored| stored.tensor.dtype.name().to_owned()),
            }),
        }
    }
    (stored, problems)
}

/// What is wrong with the scales of an int8 matrix of so many rows, which is shown by this `name`.
pub(crate) fn check(stored: &StoredTensor, rows: usize, name: String) -> Option<TensorError> {
    let Some(scales) = &stored.scales else {
        let scales = name_of(&name);
        return Some(TensorError::NoScales { name, scales });
    };
    let name = name_of(&name);
    if *scales.shape != [rows] {
        let (found, expected) = (scales.shape.to_vec(), vec![rows]);
        return Some(TensorError::Shape {
            name,
            found,
            expected,
        });
    }
    (scales.dtype != DType::F32).then(|| TensorError::Type {
        name,
        found: scales.dtype.name().to_owned(),
        expected: "f32",
    })
}

/// Reads scales.
///
/// # Errors
/// [`CheckpointError::Damaged`] and [`CheckpointError::NotInt8`].
pub(crate) fn read(path: &Path, scales: &Tensor) -> Result<Vec<f32>, CheckpointError> {
    let bytes = bytes_of(path, scales)?;
    let scales_read: Vec<_> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect();
    let possible = |scale: &f32| scale.is_finite() && *scale >= 0.0;
    match scales_read.iter().position(|scale| !possible(scale)) {
        None => Ok(scales_read),
        Some(index) => Err(CheckpointError::NotInt8 {
            path: path.to_path_buf(),
            tensor: scales.name.clone(),
            index,
            value: scales_read[index],
            rule: "scales must be finite and not negative",
        }),
    }
}
