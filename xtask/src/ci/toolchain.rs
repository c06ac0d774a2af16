//! Whether the toolchain is the oldest that is promised: only that one shows that the promise holds.

use anyhow::{Context, ensure};
use std::process::Command;

/// The workspace's `rust-version`, as the manifests hand it down.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) fn is_the_oldest() -> anyhow::Result<Option<String>> {
    let said = Command::new("rustc").arg("--version").output()?.stdout;
    let said = String::from_utf8(said)?;
    let version = said
        .split_whitespace()
        .nth(1)
        .context("rustc does not say its version")?;
    judge(version)
}

fn judge(version: &str) -> anyhow::Result<Option<String>> {
    let (has, needs) = (minor(version)?, minor(OLDEST)?);
    ensure!(has >= needs, "rustc is {version}, {OLDEST} is needed");
    Ok(Some(if has == needs {
        format!("{version}, the oldest that is promised")
    } else {
        format!(
            "{version}: NOT CHECKED that {OLDEST} is enough, but by clippy for the standard library"
        )
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
    fn older_fails_newer_is_said() {
        assert!(judge("1.2.3").is_err());
        let same = judge(&format!("{OLDEST}.0")).unwrap().unwrap();
        assert!(!same.contains("NOT CHECKED"), "{same}");
        let newer = judge("1.9999.0-nightly").unwrap().unwrap();
        assert!(newer.contains("NOT CHECKED"), "{newer}");
        assert!(judge("two").is_err());
    }
}
