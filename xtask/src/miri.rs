//! `cargo xtask miri`: runs the tests of the kernels in Miri, which checks every memory access,
//! with the portable instruction set.

use anyhow::ensure;
use std::process::{Command, Stdio};

pub(crate) fn run() -> anyhow::Result<()> {
    let miri = || {
        let mut command = Command::new("cargo");
        command.args(["+nightly", "miri"]);
        command
    };
    let version = miri()
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ensure!(
        version.is_ok_and(|status| status.success()),
        "this needs a nightly toolchain with Miri: rustup toolchain install nightly --component miri,rust-src"
    );
    // The tests look for files of cases that failed before.
    let status = miri()
        .args(["test", "--package", "wolfgang-kernels", "--locked"])
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .status()?;
    ensure!(status.success(), "the tests failed");
    Ok(())
}
