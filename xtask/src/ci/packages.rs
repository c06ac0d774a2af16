//! Whether what `cargo package` has packed can be built and published: nothing is included from outside, the licences
//! are there, and the registry takes the size.

use super::command;
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// What the public registry takes, packed.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
    /// The registries that it may go to: any, unless named.
    publish: Option<Vec<String>>,
}

pub(super) fn are_complete() -> anyhow::Result<Option<String>> {
    let output = command("cargo metadata --no-deps --format-version 1")?.output()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let published: Vec<_> = metadata
        .packages
        .iter()
        .filter(|p| p.publish.is_none())
        .collect();
    let mut largest = (0, "");
    for package in &published {
        let name = &package.name;
        check(package).with_context(|| format!("{name} cannot be published"))?;
        let file = format!("package/{name}-{}.crate", package.version);
        let size = std::fs::metadata(metadata.target_directory.join(file))?.len();
        largest = largest.max((size, name));
        ensure!(
            size <= MAX_BYTES,
            "{name} has {size} bytes, more than {MAX_BYTES}"
        );
    }
    let (size, name) = largest;
    Ok(Some(format!(
        "{} packages, the largest is {name} with {:.2} MB",
        published.len(),
        size as f64 / 1e6
    )))
}

fn check(package: &Package) -> anyhow::Result<()> {
    let folder = package.manifest_path.parent().context("no folder")?;
    let line = format!(
        "cargo package --package {} --list --allow-dirty",
        package.name
    );
    let output = command(&line)?.output()?;
    ensure!(
        output.status.success(),
        "{line} ended with {}",
        output.status
    );
    let list = String::from_utf8(output.stdout)?;
    let packed: BTreeSet<&Path> = list.lines().map(Path::new).collect();
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        ensure!(packed.contains(Path::new(file)), "{file} is not packed");
    }
    for &file in packed
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "rs"))
    {
        let source = std::fs::read_to_string(folder.join(file))?;
        for included in includes(&source) {
            let target = normal(&file.with_file_name(included));
            ensure!(
                packed.contains(target.as_path()),
                "{} includes {included}, which is not packed",
                file.display()
            );
        }
    }
    Ok(())
}

/// The paths that a source file names in `include_bytes!`, `include_str!` and `include!`.
fn includes(source: &str) -> impl Iterator<Item = &str> {
    ["include_bytes!(", "include_str!(", "include!("]
        .into_iter()
        .flat_map(|name| source.split(name).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// Without `..` where a name stands before it.
fn normal(path: &Path) -> PathBuf {
    let mut normal = Vec::new();
    for part in path.components() {
        match (part, normal.last()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                normal.pop();
            }
            _ => normal.push(part),
        }
    }
    normal.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_where_they_point() {
        let source =
            "x(include_bytes!(\"../a.bin\")); include_str!(\n  \"b.txt\"); include!(concat!(1))";
        let found: Vec<_> = includes(source).collect();
        assert_eq!(found, ["../a.bin", "b.txt"]);
        assert_eq!(normal(Path::new("src/../a.bin")), Path::new("a.bin"));
        assert_eq!(normal(Path::new("src/../../../a")), Path::new("../../a"));
    }
}
