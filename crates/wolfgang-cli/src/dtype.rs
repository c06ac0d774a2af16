//! Element types by their names on the command line.

use clap::ValueEnum;
use serde::Deserialize;
use wolfgang_generate::Precision;

/// [`Precision`] by its name on the command line.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dtype {
    /// 32 bits
    F32,
    /// 16 bits, 11 of them significant, up to 65504
    F16,
    /// 16 bits, 8 of them significant, the range of f32
    Bf16,
    /// 8 bits, with a scale for each row of a matrix; on the CPU only
    Int8,
}

impl From<Dtype> for Precision {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
            Dtype::Int8 => Self::Int8,
        }
    }
}

/// The element types of the cache on the CPU.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CacheDtype {
    /// 32 bits
    F32,
    /// 16 bits, 11 of them significant, up to 65504
    F16,
}

impl From<CacheDtype> for Precision {
    fn from(dtype: CacheDtype) -> Self {
        match dtype {
            CacheDtype::F32 => Self::F32,
            CacheDtype::F16 => Self::F16,
        }
    }
}
