//! The element types of files.

use burn::tensor::DType;

/// The type in which a conversion writes weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredType {
    /// 32 bits.
    F32,
    /// 16 bits with the exponent of half precision: 11 significant bits up to 65504.
    F16,
    /// 16 bits with the exponent of f32: 8 significant bits.
    Bf16,
    /// 8 bits: matrices in whole numbers with a scale for each row, as [`Precision::Int8`] keeps them. Vectors stay as
    /// they are. In native folders only.
    ///
    /// [`Precision::Int8`]: wolfgang_model::Precision::Int8
    Int8,
}

impl StoredType {
    /// burn's name for it.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
            Self::Int8 => DType::I8,
        }
    }
}
