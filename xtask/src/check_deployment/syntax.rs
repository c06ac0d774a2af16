//! The files that cannot be run here: validators read them.

use super::{Args, output_if_installed, print_line};
use anyhow::{Context, ensure};
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "docs/deploy";

pub(super) fn check(args: &Args) -> anyhow::Result<()> {
    systemd()?;
    let mut hadolint = Command::new(&args.hadolint);
    validate(
        "Containerfile",
        hadolint.arg(format!("{FOLDER}/Containerfile")),
    )?;
    let mut kubernetes = Command::new(&args.kubernetes_validate);
    // Fields that the schema does not know are errors.
    kubernetes.args(["--strict", "--quiet"]);
    validate(
        "kubernetes.yaml",
        kubernetes.arg(format!("{FOLDER}/kubernetes.yaml")),
    )
}

/// An instance of the unit. The program that it starts must exist, so it is replaced by one that
/// does.
fn systemd() -> anyhow::Result<()> {
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
fn validate(file: &str, command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    let Some(output) = output_if_installed(command)? else {
        return print_line(&format!("{file}: skipped, there is no {program}"));
    };
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    let is_valid = output.status.success() && printed.is_empty();
    ensure!(
        is_valid,
        "{file}: {program} reports {}: {printed}",
        output.status
    );
    print_line(&format!("{file}: valid according to {program}"))
}
