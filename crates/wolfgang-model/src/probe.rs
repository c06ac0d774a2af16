//! Detection, test and description of the devices of this machine.

use crate::backends::{Backend, BackendStatus, DeviceId, DeviceStatus};
use crate::catch_panic::catch_panic;
use crate::host::to_host;
use crate::{ModelError, Precision};
use burn::tensor::{Device, Tensor};

/// Lists the devices of all backends and tests each of them.
pub fn devices() -> Vec<BackendStatus> {
    let status = |backend: &Backend| BackendStatus {
        backend: *backend,
        devices: enumerate(*backend)
            .into_iter()
            .map(|(id, device)| DeviceStatus {
                place: id,
                description: catch_panic(|| describe(id, &device)).unwrap_or_default(),
                precisions: self_test(id, &device)
                    .and_then(|()| catch_panic(|| Precision::supported_by(&device))),
            })
            .collect(),
    };
    Backend::ALL.iter().map(status).collect()
}

impl DeviceId {
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
        for (id, device) in enumerate(backend) {
            if id == self {
                found = Some(device);
            }
            names.push(id.to_string());
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

    /// Whether the device is a software implementation of a GPU.
    pub(crate) fn is_software(self) -> bool {
        enumerate(self.backend())
            .iter()
            .any(|(id, device)| *id == self && is_software(device))
    }
}

/// Self-test: computes a sum on the device and reads it back.
fn self_test(id: DeviceId, device: &Device) -> Result<(), ModelError> {
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
        device: id.to_string(),
        message,
    })
}

/// Returns the devices that a backend finds; none if it is not compiled in or its driver panics.
fn enumerate(backend: Backend) -> Vec<(DeviceId, Device)> {
    catch_panic(|| enumerate_compiled_in(backend)).unwrap_or_default()
}

#[allow(
    deprecated,
    unreachable_patterns,
    reason = "burn drops ndarray and tch after 0.22; the arms depend on the features"
)]
fn enumerate_compiled_in(backend: Backend) -> Vec<(DeviceId, Device)> {
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
fn numbered(devices: Vec<Device>, id: fn(usize) -> DeviceId) -> Vec<(DeviceId, Device)> {
    let number = |(index, device)| (id(index), device);
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

/// Describes a device. Opens it if only its driver has the name.
fn describe(id: DeviceId, device: &Device) -> String {
    match id {
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
