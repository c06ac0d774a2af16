//! Platforms on which no test runs here: the command must compile for them without a warning.

use super::command::{is_target_installed, run_command};

/// The targets, which `.ci/run` installs.
const TARGETS: [&str; 3] = [
    "x86_64-pc-windows-gnu",
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
];

/// Checks all installed targets in one run, which compiles build scripts and macros only once.
///
/// Without the feature `hub`: its TLS library compiles C, which needs a C compiler and the system
/// headers of each target.
pub(super) fn check() -> anyhow::Result<Option<String>> {
    let (installed, missing): (Vec<_>, Vec<_>) = TARGETS
        .into_iter()
        .partition(|target| is_target_installed(target));
    if !installed.is_empty() {
        let targets: String = installed.iter().map(|t| format!(" --target {t}")).collect();
        run_command(
            &format!(
                "cargo clippy --package wolfgang-cli --no-default-features --features flex\
                 {targets} --locked -- --deny warnings"
            ),
            &[],
        )?;
    }
    let missing = missing.join(" ");
    Ok((!missing.is_empty()).then(|| format!("NOT CHECKED: rustup target add {missing}")))
}
