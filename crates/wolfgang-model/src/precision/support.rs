//! The precisions that a device supports.

use super::Precision;
use crate::ModelError;
use crate::catch_panic::catch_panic;
use crate::flex::is_flex;
use burn::tensor::Device;

impl Precision {
    /// Returns the precisions that `device` supports.
    pub fn supported_by(device: &Device) -> Vec<Self> {
        if is_flex(device) {
            return Self::ALL.to_vec();
        }
        Self::supported_by_burn(device)
    }

    /// Returns the precisions that the operations of burn support on `device`.
    fn supported_by_burn(device: &Device) -> Vec<Self> {
        let supported = |precision: &Self| {
            !matches!(precision, Self::Int8 | Self::Int4)
                && device.supports_dtype(precision.dtype())
        };
        Self::ALL.into_iter().filter(supported).collect()
    }

    /// Returns an error if `device` does not support this precision: with the operations of burn if
    /// `use_burn_ops` is set, otherwise with the kernels where they are used.
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
