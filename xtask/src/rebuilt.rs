//! Measurements need the backends that they are about, and those of speed an optimised program.

use crate::torch::Torch;
use anyhow::ensure;
use std::path::Path;
use std::process::Command;
use wolfgang_generate::Backend;

/// Runs `measure` here, or this very command in a program that has these `features` and, for `speed`, is optimised.
pub(crate) fn rebuilt(
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
        Torch::of(python)?.use_in(&mut command)?;
    }
    ensure!(command.status()?.success(), "the measurement failed");
    Ok(())
}
