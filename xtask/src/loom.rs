//! `cargo xtask loom`: the model check of the thread pool of the kernels.

use anyhow::ensure;
use std::path::Path;
use std::process::Command;

pub(crate) fn run() -> anyhow::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // A target folder of its own: the flag would rebuild everything in the usual one.
    let status = Command::new("cargo")
        .args(["test", "--package", "wolfgang-kernels", "--lib", "--locked"])
        .args(["--target-dir", "target/loom", "--", "loom_tests"])
        .env("RUSTFLAGS", "--cfg loom")
        .current_dir(repository)
        .status()?;
    ensure!(status.success(), "the model check failed");
    Ok(())
}
