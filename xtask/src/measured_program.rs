//! Programs in Python that measure another library.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Each prefill, then decode at each position, in tokens per second.
pub(crate) type Speeds = Vec<f64>;

#[derive(Deserialize)]
pub(crate) struct Measured {
    /// Name and version of the library.
    pub(crate) version: String,
    pub(crate) speeds: Speeds,
}

/// Runs a script, which gets the question as its argument and prints the answer as JSON.
pub(crate) fn run(python: &Path, script: &str, question: &Value) -> anyhow::Result<Measured> {
    let output = Command::new(python)
        .args(["-c", script])
        .arg(question.to_string())
        .output()
        .with_context(|| format!("cannot run {}", python.display()))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        let last = error.trim().lines().next_back().unwrap_or_default();
        bail!("{last} ({})", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
