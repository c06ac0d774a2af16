//! Cargo features of the steps that compile all backends.

/// All backends except tch, which requires an installed libtorch.
macro_rules! features {
    () => {
        "ndarray,wgpu,vulkan,cuda,autotune"
    };
}
pub(super) use features;

pub(super) const FEATURES: &str = features!();

/// Prevents the build script of the cuda backend from downloading LLVM.
pub(super) const WITHOUT_LLVM: (&str, &str) = ("DOCS_RS", "1");
