//! Element types of weights.

mod support;

use crate::ModelError;
use burn::tensor::DType;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Element type of weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// Single precision, 32 bits.
    #[default]
    F32,
    /// Half precision: 11 significant bits, up to 65504.
    F16,
    /// bfloat16: 8 significant bits, the range of f32.
    Bf16,
    /// 8-bit integers with one scale per row of a matrix. CPU only; activations are quantised to 8
    /// bits as well.
    Int8,
    /// 4-bit integers with one f16 scale per 32 weights of a row, for the matrices of the layers.
    /// The embeddings and the head, and matrices whose rows are no multiple of 32 long, are in
    /// [`Int8`](Self::Int8). CPU only; activations are quantised to 8 bits.
    Int4,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Bf16, Self::Int8, Self::Int4];

    /// Returns the name: `f32`, `f16`, `bf16`, `int8` or `int4`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }

    /// Returns the element type of burn, whose operations do not support the integer types.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
            Self::Int8 | Self::Int4 => DType::I8,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Precision {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or_else(|| ModelError::UnknownPrecision {
                found: name.to_owned(),
                expected: "f32, f16, bf16, int8 and int4",
            })
    }
}
