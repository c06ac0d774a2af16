//! Measurements need an optimised program, and the backends that they are about.

use crate::torch::Torch;
use anyhow::ensure;
use std::path::Path;
use std::process::Command;
use wolfgang_generate::Backend;

/// Runs `measure` here, or this very command in a program that is optimised and has these `features`.
pub(crate) fn rebuilt(
    features: &[&str],
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
    if !cfg!(debug_assertions) && features.iter().all(compiled_in) {
        return measure();
    }
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "--package", "xtask"]);
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
