//! The random number generators.

mod chacha;
mod torch;

pub use chacha::ChaChaRng;
pub use torch::TorchRng;

/// The random number generator of a sampler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RngKind {
    /// [`ChaChaRng`]: one number per step; the same results in every release.
    #[default]
    ChaCha,
    /// [`TorchRng`]: the generator of PyTorch on the CPU, one number per vocabulary entry and step.
    /// It gives the same results as the original for the same seed.
    Torch,
}

/// The stream of one sampler. Boxed, for the states of the two are of very different size.
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
