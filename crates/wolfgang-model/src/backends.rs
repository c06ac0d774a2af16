//! Backends and their devices.

use crate::{ModelError, Precision};
use std::fmt::{Display, Formatter};

/// A burn backend. Each is enabled by the Cargo feature of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The CPU, in pure Rust.
    Flex,
    /// The CPU, with the `ndarray` crate.
    NdArray,
    /// GPUs of any vendor, with Vulkan, Metal, DirectX or WebGPU.
    Wgpu,
    /// CPU, NVIDIA and Apple GPUs, with libtorch.
    Tch,
    /// NVIDIA GPUs, with kernels of burn.
    Cuda,
}

/// A device of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceId {
    /// `flex`.
    Flex,
    /// `ndarray`.
    NdArray,
    /// `wgpu:N`, real GPUs first.
    Wgpu(usize),
    /// `tch:cpu`.
    TchCpu,
    /// `tch:cuda:N`.
    TchCuda(usize),
    /// `tch:mps`, Apple's GPU.
    TchMps,
    /// `cuda:N`.
    Cuda(usize),
}

/// A backend and its devices on this machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackendStatus {
    /// The backend.
    pub backend: Backend,
    /// The devices; empty if the backend is not compiled in.
    pub devices: Vec<DeviceStatus>,
}

/// A device, its description, and whether it works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceStatus {
    /// The device.
    pub place: DeviceId,
    /// Name of the device reported by its driver, or a description.
    pub description: String,
    /// The supported precisions, or the error of a device that does not work.
    pub precisions: Result<Vec<Precision>, ModelError>,
}

impl Backend {
    /// All backends.
    pub const ALL: [Self; 5] = [Self::Flex, Self::NdArray, Self::Wgpu, Self::Tch, Self::Cuda];

    /// Returns the Cargo feature that enables the backend.
    pub fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Tch => "tch",
            Self::Cuda => "cuda",
        }
    }

    /// Returns the requirements of the backend on a machine, for example a driver.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::Flex | Self::NdArray => "nothing but a CPU",
            Self::Wgpu => "a driver for Vulkan, Metal or DirectX",
            Self::Tch => "the shared libraries of libtorch",
            Self::Cuda => "an NVIDIA GPU and its driver",
        }
    }

    /// Returns whether the backend is compiled in.
    pub fn is_compiled_in(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Tch => cfg!(feature = "tch"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }
}

impl DeviceId {
    /// Returns the backend of the device.
    pub fn backend(self) -> Backend {
        match self {
            Self::Flex => Backend::Flex,
            Self::NdArray => Backend::NdArray,
            Self::Wgpu(_) => Backend::Wgpu,
            Self::TchCpu | Self::TchCuda(_) | Self::TchMps => Backend::Tch,
            Self::Cuda(_) => Backend::Cuda,
        }
    }
}

impl Display for DeviceId {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
            Self::TchCpu => f.write_str("tch:cpu"),
            Self::TchCuda(index) => write!(f, "tch:cuda:{index}"),
            Self::TchMps => f.write_str("tch:mps"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}
