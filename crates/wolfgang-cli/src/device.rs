//! The device the model runs on.

use wolfgang_generate::Device;

/// The CPU, through burn's `flex`.
#[cfg(feature = "flex")]
pub(crate) fn default_device() -> anyhow::Result<Device> {
    Ok(Device::flex())
}

/// There is no device without a backend.
#[cfg(not(feature = "flex"))]
pub(crate) fn default_device() -> anyhow::Result<Device> {
    anyhow::bail!("this program was built without a backend: build it with the feature `flex`")
}
