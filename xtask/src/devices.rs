//! Which devices and precisions a measurement is about, and a program that has their backends.

use crate::torch::Torch;
use anyhow::ensure;
use std::path::PathBuf;
use std::process::Command;
use wolfgang_generate::{Backend, DeviceName, Place, Precision};

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Devices {
    /// Where to run; several are measured one after the other
    #[arg(long = "device", value_name = "NAME", default_values = ["flex"])]
    pub(crate) devices: Vec<DeviceName>,

    /// The element types to compute in
    #[arg(long = "dtype", value_name = "f32|f16|bf16", default_values = ["f32"], value_parser = precision)]
    pub(crate) dtypes: Vec<Precision>,

    /// Time several kernels for each product and keep the fastest (wgpu and cuda)
    #[arg(long)]
    autotune: bool,

    /// A Python with torch 2.9
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub(crate) python: PathBuf,
}

fn precision(name: &str) -> Result<Precision, String> {
    let found = Precision::ALL.into_iter().find(|p| p.to_string() == name);
    found.ok_or_else(|| "it is f32, f16 or bf16".to_owned())
}

impl Devices {
    /// Runs `measure` here, or this very command in a program that is built with the backends it lacks.
    pub(crate) fn with_backends(
        &self,
        measure: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut features = Vec::new();
        for device in &self.devices {
            features.extend(
                backend(*device).map(|backend| (backend.feature(), backend.is_compiled_in())),
            );
        }
        if self.autotune {
            features.push(("autotune", cfg!(feature = "autotune")));
        }
        if features.iter().all(|(_, compiled_in)| *compiled_in) {
            return measure();
        }
        let features: Vec<_> = features.into_iter().map(|(feature, _)| feature).collect();
        let mut command = Command::new("cargo");
        command.args(["run", "--quiet", "--release", "--package", "xtask"]);
        command.args(["--features", &features.join(","), "--"]);
        command.args(std::env::args_os().skip(1));
        if features.contains(&"tch") {
            Torch::of(&self.python)?.use_in(&mut command)?;
        }
        ensure!(command.status()?.success(), "the measurement failed");
        Ok(())
    }
}

/// The backend that a device needs, if not any will do.
fn backend(device: DeviceName) -> Option<Backend> {
    match device {
        DeviceName::Exactly(place) => Some(place.backend()),
        DeviceName::Tch => Some(Place::TchCpu.backend()),
        DeviceName::Cuda(index) => Some(Place::Cuda(index).backend()),
        _ => None,
    }
}
