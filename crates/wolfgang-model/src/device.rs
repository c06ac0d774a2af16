//! Parsing of device names.

use crate::backends::{Backend, DeviceId};
use crate::{Device, ModelError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// A device name as a user gives it: a specific device or an alias for the best of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceName {
    /// `auto`: the fastest available device. GPUs come first, with `cuda`, `tch` or `wgpu`, then
    /// the CPU.
    #[default]
    Auto,
    /// `cpu`, a name of the original: with `flex`, else `tch`, else `ndarray`.
    Cpu,
    /// `cuda[:N]`, a name of the original: an NVIDIA GPU with `cuda`, or with `tch` if only that is
    /// compiled in.
    Cuda(usize),
    /// `tch`: the best device of libtorch.
    Tch,
    /// A specific device. `mps`, a name of the original, is `tch:mps`.
    Specific(DeviceId),
}

/// All valid names.
const NAMES: &str =
    "auto, cpu, cuda[:N], mps, flex, ndarray, wgpu[:N], tch[:cpu], tch:cuda[:N], tch:mps";

impl DeviceName {
    /// Opens the device and tests it.
    ///
    /// # Errors
    /// [`ModelError::NotCompiledIn`], [`ModelError::NoBackend`], [`ModelError::NoDevice`],
    /// [`ModelError::DeviceFails`].
    pub fn open(self) -> Result<Device, ModelError> {
        self.find().map(|(_, device)| device)
    }

    /// Opens the device like [`open`](Self::open) and returns the specific device that was
    /// selected.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn find(self) -> Result<(DeviceId, Device), ModelError> {
        if !Backend::ALL.iter().any(|backend| backend.is_compiled_in()) {
            return Err(ModelError::NoBackend);
        }
        let mut errors = Vec::new();
        for id in self.candidates() {
            match id.open() {
                Ok(device) => return Ok((id, device)),
                Err(error) => errors.push(error),
            }
        }
        // An error of a backend that is compiled in is more useful than one that is not.
        errors.sort_by_key(|error| matches!(error, ModelError::NotCompiledIn { .. }));
        let first = errors.into_iter().next();
        Err(first.unwrap_or(ModelError::NoBackend))
    }

    /// The devices that this name can refer to, best first.
    fn candidates(self) -> Vec<DeviceId> {
        let cpu = [DeviceId::Flex, DeviceId::TchCpu, DeviceId::NdArray];
        match self {
            Self::Auto => {
                let mut candidates =
                    vec![DeviceId::Cuda(0), DeviceId::TchCuda(0), DeviceId::TchMps];
                let wgpu = DeviceId::Wgpu(0);
                // A software implementation of a GPU is slower than the kernels on the same CPU.
                if wgpu.is_software() {
                    candidates.extend(cpu);
                    candidates.push(wgpu);
                } else {
                    candidates.push(wgpu);
                    candidates.extend(cpu);
                }
                candidates
            }
            Self::Cpu => cpu.to_vec(),
            Self::Cuda(index) => vec![DeviceId::Cuda(index), DeviceId::TchCuda(index)],
            Self::Tch => vec![DeviceId::TchCuda(0), DeviceId::TchMps, DeviceId::TchCpu],
            Self::Specific(id) => vec![id],
        }
    }
}

impl FromStr for DeviceName {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        let (backend, rest) = name
            .split_once(':')
            .map_or((name, None), |(b, r)| (b, Some(r)));
        let unknown = || ModelError::UnknownDevice {
            found: name.to_owned(),
            expected: NAMES,
        };
        let index = |digits: Option<&str>| match digits {
            None => Ok(0),
            Some(digits) => digits.parse().map_err(|_| unknown()),
        };
        Ok(match (backend, rest) {
            ("auto", None) => Self::Auto,
            ("cpu", None) => Self::Cpu,
            ("cuda", rest) => Self::Cuda(index(rest)?),
            ("tch", None) => Self::Tch,
            ("flex", None) => Self::Specific(DeviceId::Flex),
            ("ndarray", None) => Self::Specific(DeviceId::NdArray),
            ("wgpu", rest) => Self::Specific(DeviceId::Wgpu(index(rest)?)),
            ("tch", Some("cpu")) => Self::Specific(DeviceId::TchCpu),
            ("tch", Some("cuda")) => Self::Specific(DeviceId::TchCuda(0)),
            ("mps", None) | ("tch", Some("mps")) => Self::Specific(DeviceId::TchMps),
            ("tch", Some(rest)) => match rest.strip_prefix("cuda:") {
                Some(digits) => Self::Specific(DeviceId::TchCuda(index(Some(digits))?)),
                None => return Err(unknown()),
            },
            _ => return Err(unknown()),
        })
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl Display for DeviceName {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Tch => f.write_str("tch"),
            Self::Specific(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_and_is_displayed() {
        for name in [
            "auto",
            "cpu",
            "cuda:0",
            "cuda:3",
            "flex",
            "ndarray",
            "wgpu:0",
            "wgpu:12",
            "tch",
            "tch:cpu",
            "tch:cuda:0",
            "tch:cuda:1",
            "tch:mps",
        ] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        for (short, long) in [
            ("cuda", "cuda:0"),
            ("wgpu", "wgpu:0"),
            ("mps", "tch:mps"),
            ("tch:cuda", "tch:cuda:0"),
        ] {
            assert_eq!(short.parse::<DeviceName>().unwrap().to_string(), long);
        }
        for wrong in [
            "",
            "gpu",
            "cpu:0",
            "wgpu:",
            "wgpu:-1",
            "wgpu:x",
            "tch:",
            "tch:vulkan",
            "tch:cuda:",
            "flex:0",
            "WGPU",
            "cuda:99999999999999999999",
        ] {
            let error = wrong.parse::<DeviceName>().unwrap_err();
            assert!(matches!(error, ModelError::UnknownDevice { .. }), "{wrong}");
        }
    }

    #[test]
    fn the_error_of_a_device_that_cannot_be_opened_names_the_reason() {
        let opened = "wgpu:4000".parse::<DeviceName>().unwrap().open();
        let expected = match opened.unwrap_err() {
            ModelError::NoBackend => Backend::ALL.iter().all(|b| !b.is_compiled_in()),
            ModelError::NotCompiledIn { .. } => !Backend::Wgpu.is_compiled_in(),
            ModelError::NoDevice { .. } => Backend::Wgpu.is_compiled_in(),
            _ => false,
        };
        assert!(expected);
    }
}
