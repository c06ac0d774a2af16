//! The random number generators.

use crate::SamplingError;
use std::fmt;
use std::str::FromStr;

mod chacha;
mod torch;

pub use chacha::ChaChaRng;
pub use torch::TorchRng;

/// The random number generator of a sampler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum RngKind {
    /// [`ChaChaRng`]: one number per step; the same results in every release.
    #[default]
    ChaCha,
    /// [`TorchRng`]: the generator of PyTorch on the CPU, one number per vocabulary entry and step.
    /// It gives the same results as the original for the same seed.
    Torch,
}

impl RngKind {
    /// All variants.
    pub const ALL: [Self; 2] = [Self::ChaCha, Self::Torch];

    /// Returns the name: `chacha` or `torch`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChaCha => "chacha",
            Self::Torch => "torch",
        }
    }
}

impl fmt::Display for RngKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RngKind {
    type Err = SamplingError;

    fn from_str(name: &str) -> Result<Self, SamplingError> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or_else(|| SamplingError::InvalidParam {
                parameter: "rng",
                value: format!("{name:?}"),
                rule: "it must be chacha or torch",
            })
    }
}

/// The random number generator of one sampler. Boxed, because the states differ much in size.
#[derive(Debug)]
pub(crate) enum Rng {
    ChaCha(Box<ChaChaRng>),
    Torch(Box<TorchRng>),
}

impl Rng {
    pub(crate) fn new(kind: RngKind, seed: u64) -> Self {
        match kind {
            RngKind::ChaCha => Self::ChaCha(Box::new(ChaChaRng::new(seed))),
            RngKind::Torch => Self::Torch(Box::new(TorchRng::new(seed))),
        }
    }

    /// Returns the next random number, in `0.0..1.0`.
    pub(crate) fn uniform(&mut self) -> f64 {
        match self {
            Self::ChaCha(rng) => rng.uniform(),
            Self::Torch(rng) => rng.uniform(),
        }
    }
}
