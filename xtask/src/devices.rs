//! Which devices and precisions a measurement is about.

use crate::release_build::with_release_build;
use std::path::PathBuf;
use wolfgang_generate::{Backend, DeviceId, DeviceName, Precision};

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Devices {
    /// Where to run; several are measured one after the other
    #[arg(long = "device", value_name = "NAME", default_values = ["flex"])]
    pub(crate) devices: Vec<DeviceName>,

    /// The element types to compute in
    #[arg(long = "dtype", value_name = "f32|f16|bf16|int8|int4", default_values = ["f32"])]
    pub(crate) dtypes: Vec<Precision>,

    /// Time several kernels for each product and keep the fastest (wgpu and cuda)
    #[arg(long)]
    autotune: bool,

    /// A Python with torch 2.9
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub(crate) python: PathBuf,
}

impl Devices {
    /// Runs `measure` in a program that has the backends needed and, for `speed`, is optimised.
    pub(crate) fn with_backends(
        &self,
        speed: bool,
        measure: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let backends = self.devices.iter().filter_map(|device| backend(*device));
        let mut features: Vec<_> = backends.map(Backend::feature).collect();
        if self.autotune {
            features.push("autotune");
        }
        with_release_build(&features, speed, &self.python, measure)
    }
}

/// The backend that a device needs, if not any will do.
fn backend(device: DeviceName) -> Option<Backend> {
    match device {
        DeviceName::Specific(place) => Some(place.backend()),
        DeviceName::Tch => Some(DeviceId::TchCpu.backend()),
        DeviceName::Cuda(index) => Some(DeviceId::Cuda(index).backend()),
        _ => None,
    }
}
