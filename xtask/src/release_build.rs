//! Rebuilding of xtask for measurements: with other backends, or in release mode.

use crate::torch::Torch;
use anyhow::ensure;
use std::path::Path;
use std::process::Command;
use wolfgang_generate::Backend;

/// Runs `measure` if this program has these `features` and, for `speed`, is built in release mode.
/// Otherwise builds such a program and runs the same command in it.
pub(crate) fn with_release_build(
    features: &[&str],
    speed: bool,
    python: &Path,
    measure: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let compiled_in = |feature: &&str| match *feature {
        "autotune" => cfg!(feature = "autotune"),
        name => {
            let mut backends = Backend::ALL.into_iter();
            backends.any(|backend| backend.feature() == name && backend.is_compiled_in())
        }
    };
    let optimised = !cfg!(debug_assertions);
    if (optimised || !speed) && features.iter().all(compiled_in) {
        return measure();
    }
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--package", "xtask"]);
    if speed {
        command.arg("--release");
    }
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    command.arg("--").args(std::env::args_os().skip(1));
    if features.contains(&"tch") {
        Torch::find(python)?.use_in(&mut command)?;
    }
    ensure!(command.status()?.success(), "the measurement failed");
    Ok(())
}
