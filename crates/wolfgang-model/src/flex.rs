//! The device `flex`.

use burn::tensor::Device;

/// Whether `device` is `flex`, whose tensors are in host memory.
#[cfg(feature = "flex")]
pub(crate) fn is_flex(device: &Device) -> bool {
    *device == Device::flex()
}

/// The backend is not compiled in, so no device is `flex`.
#[cfg(not(feature = "flex"))]
pub(crate) fn is_flex(_: &Device) -> bool {
    false
}
