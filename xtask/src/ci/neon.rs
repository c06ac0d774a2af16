//! NEON's code, which no test on another processor runs: it must compile without a warning.

use super::command;
use anyhow::ensure;

const TARGET: &str = "aarch64-unknown-linux-gnu";

pub(super) fn check() -> anyhow::Result<Option<String>> {
    let installed = command("rustup target list --installed")?.output();
    let installed = installed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if !installed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET)) {
        return Ok(Some(format!("NOT CHECKED: rustup target add {TARGET}")));
    }
    let line = format!(
        "cargo clippy --package wolfgang-kernels --target {TARGET} --locked -- --deny warnings"
    );
    let status = command(&line)?.status()?;
    ensure!(status.success(), "{line} ended with {status}");
    Ok(None)
}
