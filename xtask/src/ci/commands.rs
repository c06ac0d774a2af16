//! Commands that run in the repository.

use anyhow::Context;
use std::path::PathBuf;
use std::process::Command;

/// A command from a line whose words have no spaces. It runs in the root of the repository.
pub(super) fn command(line: &str) -> anyhow::Result<Command> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().context("an empty command")?);
    command.args(words).current_dir(repository());
    Ok(command)
}

pub(super) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
