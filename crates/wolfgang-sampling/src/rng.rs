//! The random streams behind a seed.

mod chacha;
mod torch;

pub use chacha::ChaChaRng;
pub use torch::TorchRng;

/// Which random numbers a seed stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RngKind {
    /// [`ChaChaRng`]: one number a step, the same text in every release.
    #[default]
    ChaCha,
    /// [`TorchRng`]: what the original, on PyTorch, draws from the same seed; one number per vocabulary entry a step.
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

    /// The next number, in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        match self {
            Self::ChaCha(rng) => rng.uniform(),
            Self::Torch(rng) => rng.uniform(),
        }
    }
}
