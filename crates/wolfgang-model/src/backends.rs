//! The backends that are compiled in, and their devices on this machine.

use crate::catch_panic::catch_panic;
use crate::host::to_host;
use crate::{ModelError, Precision};
use burn::tensor::{Device, Tensor};
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

/// Lists the devices of all backends and tests each of them.
pub fn devices() -> Vec<BackendStatus> {
    let status = |backend: &Backend| BackendStatus {
        backend: *backend,
        devices: present(*backend)
            .into_iter()
            .map(|(place, device)| DeviceStatus {
                place,
                description: catch_panic(|| describe(place, &device)).unwrap_or_default(),
                precisions: self_test(place, &device)
                    .and_then(|()| catch_panic(|| Precision::supported_by(&device))),
            })
            .collect(),
    };
    Backend::ALL.iter().map(status).collect()
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

    /// Opens the device and tests it.
    pub(crate) fn open(self) -> Result<Device, ModelError> {
        let backend = self.backend();
        if !backend.is_compiled_in() {
            return Err(ModelError::NotCompiledIn {
                device: self.to_string(),
                feature: backend.feature(),
            });
        }
        let (mut found, mut names) = (None, Vec::new());
        for (place, device) in present(backend) {
            if place == self {
                found = Some(device);
            }
            names.push(place.to_string());
        }
        let device = found.ok_or_else(|| ModelError::NoDevice {
            device: self.to_string(),
            found: match names.as_slice() {
                [] => format!("{} requires {}", backend.feature(), backend.requirement()),
                names => format!("{} finds {}", backend.feature(), names.join(", ")),
            },
        })?;
        self_test(self, &device)?;
        Ok(device)
    }

    /// Whether this is software in place of a GPU.
    pub(crate) fn is_software(self) -> bool {
        present(self.backend())
            .iter()
            .any(|(place, device)| *place == self && is_software(device))
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

/// Whether tensors on `device` lie in host memory as `flex` has them.
#[cfg(feature = "flex")]
pub(crate) fn is_flex(device: &Device) -> bool {
    *device == Device::flex()
}

/// There is no such device.
#[cfg(not(feature = "flex"))]
pub(crate) fn is_flex(_: &Device) -> bool {
    false
}

/// Self-test: computes a sum on the device and reads it back.
fn self_test(place: DeviceId, device: &Device) -> Result<(), ModelError> {
    let sum = catch_panic(|| {
        let two = Tensor::<1>::from_data([2.0], device);
        to_host(two + 1.0)
    });
    let message = match sum.flatten() {
        Ok(sum) if sum == [3.0] => return Ok(()),
        Ok(sum) => format!("it computed 2 + 1 = {sum:?}"),
        Err(ModelError::Backend { message }) => message,
        Err(error) => error.to_string(),
    };
    Err(ModelError::DeviceFails {
        device: place.to_string(),
        message,
    })
}

/// The devices that a backend finds; none if it is not compiled in or its driver fails.
fn present(backend: Backend) -> Vec<(DeviceId, Device)> {
    catch_panic(|| enumerate(backend)).unwrap_or_default()
}

#[allow(
    deprecated,
    unreachable_patterns,
    reason = "burn drops ndarray and tch after 0.22; which arms there are depends on the features"
)]
fn enumerate(backend: Backend) -> Vec<(DeviceId, Device)> {
    match backend {
        #[cfg(feature = "flex")]
        Backend::Flex => vec![(DeviceId::Flex, Device::flex())],
        #[cfg(feature = "ndarray")]
        Backend::NdArray => vec![(DeviceId::NdArray, Device::ndarray())],
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => {
            let mut devices = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec();
            devices.sort_by_key(is_software);
            numbered(devices, DeviceId::Wgpu)
        }
        #[cfg(feature = "tch")]
        Backend::Tch => {
            let gpus = Device::enumerate(burn::tensor::DeviceType::LibTorch).into_vec();
            let mut devices = numbered(gpus, DeviceId::TchCuda);
            if cfg!(target_os = "macos") {
                devices.push((DeviceId::TchMps, Device::libtorch_mps()));
            }
            devices.push((DeviceId::TchCpu, Device::libtorch()));
            devices
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            let gpus = Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec();
            numbered(gpus, DeviceId::Cuda)
        }
        _ => Vec::new(),
    }
}

#[cfg(any(feature = "wgpu", feature = "tch", feature = "cuda"))]
fn numbered(devices: Vec<Device>, place: fn(usize) -> DeviceId) -> Vec<(DeviceId, Device)> {
    let number = |(index, device)| (place(index), device);
    devices.into_iter().enumerate().map(number).collect()
}

#[cfg(feature = "wgpu")]
fn is_software(device: &Device) -> bool {
    *device == Device::wgpu(burn::tensor::DeviceKind::Cpu)
}

#[cfg(not(feature = "wgpu"))]
fn is_software(_: &Device) -> bool {
    false
}

/// What stands behind a device. Opens it where its driver must be asked.
fn describe(place: DeviceId, device: &Device) -> String {
    match place {
        DeviceId::Flex => "the CPU".to_owned(),
        DeviceId::NdArray => "the CPU; burn drops this backend after 0.22".to_owned(),
        DeviceId::TchCpu => "the CPU, by libtorch; burn drops this backend after 0.22".to_owned(),
        DeviceId::TchCuda(_) => "an NVIDIA GPU, by libtorch".to_owned(),
        DeviceId::TchMps => "Apple's GPU, by libtorch".to_owned(),
        DeviceId::Wgpu(_) | DeviceId::Cuda(_) => {
            let software = if is_software(device) {
                ", in software"
            } else {
                ""
            };
            format!("{}{software}", driver_name(device).unwrap_or_default())
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn driver_name(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn driver_name(_: &Device) -> Option<String> {
    None
}
