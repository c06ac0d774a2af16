//! NEON's code, which no test on another processor runs: it must compile without a warning, and pass the kernels' tests
//! in an emulator where there is one.

use super::commands::command;
use anyhow::ensure;
use std::process::Command;

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";
/// Where Debian keeps the libraries that its linker links with.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

pub(super) fn check() -> anyhow::Result<Option<String>> {
    let installed = command("rustup target list --installed")?.output();
    let installed = installed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    if !installed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET)) {
        return Ok(Some(format!("NOT CHECKED: rustup target add {TARGET}")));
    }
    run(&format!(
        "cargo clippy --package wolfgang-kernels --target {TARGET} --locked -- --deny warnings"
    ))?;
    if let Some(missing) = [LINKER, EMULATOR]
        .into_iter()
        .find(|program| !answers(program))
    {
        return Ok(Some(format!("compiled, NOT RUN: there is no {missing}")));
    }
    run(&format!(
        "cargo test --package wolfgang-kernels --target {TARGET} --locked --release"
    ))?;
    Ok(Some("run in an emulator".to_owned()))
}

fn run(line: &str) -> anyhow::Result<()> {
    let status = command(line)?
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
            format!("{EMULATOR} -L {LIBRARIES}"),
        )
        .status()?;
    ensure!(status.success(), "{line} ended with {status}");
    Ok(())
}

fn answers(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
