//! The files that cannot be run here: validators read them.

use super::args::Args;
use anyhow::{Context, ensure};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

const FOLDER: &str = "docs/deploy";

/// Checks each file whose validator is installed. Returns a line for each file.
pub(super) fn check(args: &Args) -> anyhow::Result<[String; 3]> {
    let mut hadolint = Command::new(&args.hadolint);
    hadolint.arg(format!("{FOLDER}/Containerfile"));
    let mut kubernetes = Command::new(&args.kubernetes_validate);
    // Fields that the schema does not know are errors.
    kubernetes.args(["--strict", "--quiet"]);
    kubernetes.arg(format!("{FOLDER}/kubernetes.yaml"));
    Ok([
        systemd()?,
        validate("Containerfile", &mut hadolint)?,
        validate("kubernetes.yaml", &mut kubernetes)?,
    ])
}

/// An instance of the unit. The program that it starts must exist, so it is replaced by one that
/// does.
fn systemd() -> anyhow::Result<String> {
    let name = "wolfgang@.service";
    let unit = std::fs::read_to_string(Path::new(FOLDER).join(name))?;
    let program = std::env::current_exe()?;
    let program = program.to_str().context("a path that is not UTF-8")?;
    let installed = "/usr/local/bin/wolfgang";
    ensure!(
        unit.contains(installed),
        "{name} does not start {installed}"
    );
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("wolfgang@8081.service");
    std::fs::write(&path, unit.replace(installed, program))?;
    let mut analyze = Command::new("systemd-analyze");
    validate(name, analyze.arg("verify").arg(path))
}

/// Runs a validator. It must succeed and print nothing.
fn validate(file: &str, command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let Some(output) = output_if_installed(command)? else {
        return Ok(format!("{file}: skipped, there is no {program}"));
    };
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    let is_valid = output.status.success() && printed.is_empty();
    ensure!(
        is_valid,
        "{file}: {program} reports {}: {printed}",
        output.status
    );
    Ok(format!("{file}: valid according to {program}"))
}

/// The output of a command, or `None` if the program is not installed.
fn output_if_installed(command: &mut Command) -> anyhow::Result<Option<Output>> {
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        output => Ok(Some(
            output.with_context(|| format!("cannot run {command:?}"))?,
        )),
    }
}
