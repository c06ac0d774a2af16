//! Element types of weights.

use crate::ModelError;
use crate::backends::is_flex;
use crate::catch_panic::catch_panic;
use burn::tensor::{DType, Device};
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
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Bf16, Self::Int8];

    /// Returns the name: `f32`, `f16`, `bf16` or `int8`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Returns the element type of burn.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
            Self::Int8 => DType::I8,
        }
    }

    /// Returns the precisions that `device` supports.
    pub fn supported_by(device: &Device) -> Vec<Self> {
        if is_flex(device) {
            return Self::ALL.to_vec();
        }
        Self::supported_by_burn(device)
    }

    /// Those in which burn's operations compute on `device`.
    fn supported_by_burn(device: &Device) -> Vec<Self> {
        let supported =
            |precision: &Self| *precision != Self::Int8 && device.supports_dtype(precision.dtype());
        Self::ALL.into_iter().filter(supported).collect()
    }

    /// Refuses what `device` does not support; by burn's operations, if it is to be `use_burn_ops`.
    pub(crate) fn check(self, device: &Device, use_burn_ops: bool) -> Result<(), ModelError> {
        let supported = catch_panic(|| match use_burn_ops {
            true => Self::supported_by_burn(device),
            false => Self::supported_by(device),
        })?;
        if supported.contains(&self) {
            return Ok(());
        }
        let supported: Vec<_> = supported.iter().map(Self::to_string).collect();
        Err(ModelError::UnsupportedPrecision {
            precision: self,
            supported: supported.join(", "),
        })
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
                expected: "f32, f16, bf16 and int8",
            })
    }
}
