//! The version of the toolchain. Only the oldest supported one shows that the crates compile with
//! it.

use anyhow::{Context, ensure};
use std::process::Command;

/// The `rust-version` of the workspace.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) fn is_the_oldest() -> anyhow::Result<Option<String>> {
    let output = Command::new("rustc").arg("--version").output()?.stdout;
    let output = String::from_utf8(output)?;
    let version = output
        .split_whitespace()
        .nth(1)
        .context("rustc printed no version")?;
    check_version(version)
}

fn check_version(version: &str) -> anyhow::Result<Option<String>> {
    let (has, needs) = (minor(version)?, minor(OLDEST)?);
    ensure!(has >= needs, "rustc is {version}, but {OLDEST} is required");
    Ok(Some(if has == needs {
        format!("{version}, the oldest supported version")
    } else {
        format!("{version}: NOT CHECKED with {OLDEST}, except for the standard library by clippy")
    }))
}

/// The y of 1.y.z.
fn minor(version: &str) -> anyhow::Result<u32> {
    let minor = version.strip_prefix("1.").and_then(|v| v.split('.').next());
    let minor = minor.and_then(|minor| minor.parse().ok());
    minor.with_context(|| format!("{version} is not a version of Rust"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_fail_and_newer_ones_are_noted() {
        assert!(check_version("1.2.3").is_err());
        let same = check_version(&format!("{OLDEST}.0")).unwrap().unwrap();
        assert!(!same.contains("NOT CHECKED"), "{same}");
        let newer = check_version("1.9999.0-nightly").unwrap().unwrap();
        assert!(newer.contains("NOT CHECKED"), "{newer}");
        assert!(check_version("two").is_err());
    }
}
