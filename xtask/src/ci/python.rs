//! The Python package: its wheel is installed into an empty environment, and its tests run there.
//! The command of the step has compiled the native module.

use super::command::{command, repository, run_command};
use std::fs;

/// The environment, relative to the repository. It is created anew.
const ENVIRONMENT: &str = "target/python-test";
const WHEELS: &str = "target/python-wheel";

/// What the tests use. pip takes them from its cache, or from a registry.
const PACKAGES: &str =
    "pytest==9.2.0 numpy==2.4.6 cloudpickle==3.1.3 mypy==2.4.1 typing_extensions==4.16.0";

pub(super) fn check() -> anyhow::Result<Option<String>> {
    for folder in [ENVIRONMENT, WHEELS] {
        let folder = repository().join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    let python = format!("{ENVIRONMENT}/bin/python");
    if let Some(reason) = failure(&format!("python3 -m venv {ENVIRONMENT}"))? {
        return Ok(Some(format!("NOT RUN: no environment: {reason}")));
    }
    if !is_recent(&python)? {
        return Ok(Some("NOT RUN: python3 is older than 3.11".to_owned()));
    }
    run_command(
        &format!("{python} xtask/python/pack_wheel.py target/debug {WHEELS}"),
        &[],
    )?;
    // Without an index: the package needs no other.
    run_command(
        &format!(
            "{python} -m pip install --quiet --no-index --find-links {WHEELS} wolfgang-generate"
        ),
        &[],
    )?;
    if let Some(reason) = failure(&format!("{python} -m pip install --quiet {PACKAGES}"))? {
        return Ok(Some(format!("TESTS NOT RUN: {reason}")));
    }
    run_command(
        &format!("{python} -m pytest --quiet crates/wolfgang-python/tests"),
        &[],
    )?;
    Ok(None)
}

/// Whether the interpreter can load the module: Python 3.11 is the first version with `tomllib`.
fn is_recent(python: &str) -> anyhow::Result<bool> {
    Ok(failure(&format!("{python} -m tomllib.__init__"))?.is_none())
}

/// Runs a command line; returns the last line of its errors if it fails.
fn failure(line: &str) -> anyhow::Result<Option<String>> {
    let Ok(output) = command(line)?.output() else {
        return Ok(Some("python3 is not installed".to_owned()));
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    let reason = errors.lines().last().unwrap_or_default().to_owned();
    Ok((!output.status.success()).then_some(reason))
}
