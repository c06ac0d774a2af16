//! Command lines of the steps.

use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::process::Command;

/// A command line whose words contain no spaces, for the folder of the repository.
pub(super) fn command(line: &str) -> anyhow::Result<Command> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().context("an empty command")?);
    command.args(words).current_dir(repository());
    Ok(command)
}

/// Runs a command line with these environment variables.
///
/// # Errors
/// The command cannot be started, or fails.
pub(super) fn run_command(line: &str, env: &[(&str, &str)]) -> anyhow::Result<()> {
    let status = command(line)?
        .envs(env.iter().copied())
        .status()
        .with_context(|| format!("failed to run {line}: .ci/run installs missing programs"))?;
    ensure!(status.success(), "{line} failed: {status}");
    Ok(())
}

/// Whether this program is installed.
pub(super) fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Whether the standard library for this target is installed.
pub(super) fn is_target_installed(target: &str) -> bool {
    let output = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    output.is_ok_and(|output| {
        let installed = String::from_utf8_lossy(&output.stdout).into_owned();
        installed.lines().any(|line| line == target)
    })
}

pub(super) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
