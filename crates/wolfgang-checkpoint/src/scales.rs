//! Scales of int8 matrices: one f32 for each row, stored as a separate tensor.

use crate::format::Format;
use crate::tensor::{StoredTensor, Tensor, read_bytes};
use crate::{CheckpointError, TensorError};
use burn::tensor::DType;
use std::collections::BTreeMap;
use std::path::Path;

/// Suffix of the names of scales.
const SUFFIX: &str = "_scale";

/// Returns the name of the scales of a matrix.
pub(crate) fn name_of(matrix: &str) -> String {
    format!("{matrix}{SUFFIX}")
}

/// Whether files of this format may contain int8 matrices.
pub(crate) fn are_stored_in(format: Format) -> bool {
    format == Format::Native
}

/// Pairs each int8 matrix with its scales, and lists the scales without an int8 matrix.
pub(crate) fn attach_scales(
    format: Format,
    tensors: BTreeMap<String, Tensor>,
) -> (BTreeMap<String, StoredTensor>, Vec<TensorError>) {
    let (scales, weights): (BTreeMap<_, _>, BTreeMap<_, _>) = tensors
        .into_iter()
        .partition(|(name, _)| are_stored_in(format) && name.ends_with(SUFFIX));
    let without_scales = |tensor| StoredTensor {
        tensor,
        scales: None,
        blocks: None,
    };
    let mut stored: BTreeMap<_, _> = weights
        .into_iter()
        .map(|(name, tensor)| (name, without_scales(tensor)))
        .collect();
    let mut problems = Vec::new();
    for (name, scales) in scales {
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

/// Checks that an int8 matrix with `rows` rows has valid scales. Errors show the matrix as `name`.
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
pub(crate) fn read(path: &Path, tensor: &Tensor) -> Result<Vec<f32>, CheckpointError> {
    let bytes = read_bytes(
        path,
        tensor,
        tensor.shape.num_elements() * DType::F32.size(),
    )?;
    let scales = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
    let scales: Vec<_> = scales.collect();
    let is_valid = |scale: &f32| scale.is_finite() && *scale >= 0.0;
    match scales.iter().position(|scale| !is_valid(scale)) {
        None => Ok(scales),
        Some(index) => Err(CheckpointError::NotInt8 {
            path: path.to_path_buf(),
            tensor: tensor.name.clone(),
            index,
            value: scales[index],
            rule: "scales must be finite and not negative",
        }),
    }
}
