//! The NEON kernels: their tests run in an emulator.

use super::command::{is_installed, is_target_installed, run_command};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";
/// Debian's folder of the shared libraries for this target.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

pub(super) fn check() -> anyhow::Result<Option<String>> {
    if !is_target_installed(TARGET) {
        return Ok(Some(format!("NOT CHECKED: rustup target add {TARGET}")));
    }
    if let Some(missing) = [LINKER, EMULATOR].into_iter().find(|p| !is_installed(p)) {
        return Ok(Some(format!("NOT RUN: {missing} is missing")));
    }
    run_command(
        &format!(
            "cargo test --package wolfgang-kernels --features roofline --target {TARGET} --locked --release"
        ),
        &[
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER),
            (
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
                &format!("{EMULATOR} -L {LIBRARIES}"),
            ),
        ],
    )?;
    Ok(Some("run in an emulator".to_owned()))
}
