//! How the work for one token is spread over the cores.
//!
//! burn's `flex` computes the product of one row with a matrix on a single core, and hands larger work to rayon's
//! pool. `docs/performance.md` says what that is worth. Every other backend sees to that itself.

use burn::tensor::Device;

/// Who spreads the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// The backend, which takes whole operations in their order.
    Backend,
    /// We, over the threads of rayon's pool.
    Cores,
}

impl Spread {
    /// What `device` needs.
    pub(crate) fn on(device: &Device) -> Self {
        if is_flex(device) {
            Self::Cores
        } else {
            Self::Backend
        }
    }

    /// Runs `work` where handing parts of it to other cores costs least.
    pub(crate) fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::Backend => work(),
            Self::Cores => rayon::scope(|_| work()),
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
