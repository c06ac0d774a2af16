//! The element types of weights.

use crate::ModelError;
use crate::contained::contained;
use burn::tensor::{DType, Device};

/// The type in which weights are stored, or a model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the exponent of half precision: 11 significant bits up to 65504.
    F16,
    /// 16 bits with the exponent of f32: 8 significant bits.
    Bf16,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// burn's name for it.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }

    /// Those in which `device` stores numbers and computes with them.
    pub fn supported_by(device: &Device) -> Vec<Self> {
        let supported = |precision: &Self| device.supports_dtype(precision.dtype());
        Self::ALL.into_iter().filter(supported).collect()
    }

    /// Refuses what `device` does not support.
    pub(crate) fn check(self, device: &Device) -> Result<(), ModelError> {
        let supported = contained(|| Self::supported_by(device))?;
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

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.dtype().name())
    }
}
