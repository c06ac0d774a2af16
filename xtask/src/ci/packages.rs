//! Whether what `cargo package` has packed can be published: it compiles by itself, the licences are there, and the
//! registry takes the size.
//!
//! Cargo's own check compiles all of burn once more for each package. Here the archives are unpacked into one workspace,
//! with our lock file and profiles, so that what the lints have compiled serves.

use super::commands::{command, repository};
use super::steps::{FEATURES, WITHOUT_LLVM};
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

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
    /// The registries that it may go to: any, unless named.
    publish: Option<Vec<String>>,
}

pub(super) fn compile() -> anyhow::Result<Option<String>> {
    let output = command("cargo metadata --no-deps --format-version 1")?.output()?;
    let Metadata {
        mut packages,
        target_directory: target,
    } = serde_json::from_slice(&output.stdout)?;
    packages.retain(|package| package.publish.is_none());

    let folder = target.join("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    let sizes: Vec<_> = packages
        .iter()
        .map(|package| unpack(package, &target, &folder))
        .collect::<Result<_, _>>()?;

    fs::write(folder.join("Cargo.toml"), manifest(&packages)?)?;
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let status = command("cargo check --workspace --offline --features")?
        .arg(FEATURES)
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&folder)
        .envs([WITHOUT_LLVM])
        .status()?;
    ensure!(status.success(), "what is packed does not compile");

    let largest = sizes.iter().zip(&packages).max_by_key(|(size, _)| **size);
    let (size, package) = largest.context("no package is published")?;
    Ok(Some(format!(
        "{} packages, the largest is {} with {:.2} MB",
        packages.len(),
        package.name,
        *size as f64 / 1e6
    )))
}

/// Unpacks a package and gives its packed size.
fn unpack(package: &Package, target: &Path, folder: &Path) -> anyhow::Result<u64> {
    let name = format!("{}-{}", package.name, package.version);
    let archive = target.join("package").join(format!("{name}.crate"));
    let size = fs::metadata(&archive)
        .with_context(|| format!("{} was not packed", package.name))?
        .len();
    ensure!(
        size <= MAX_BYTES,
        "{name} has {size} bytes packed, more than {MAX_BYTES}"
    );
    let status = command("tar -xzf")?
        .arg(&archive)
        .arg("-C")
        .arg(folder)
        .status()?;
    ensure!(status.success(), "{} cannot be unpacked", archive.display());
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        let found = folder.join(&name).join(file).is_file();
        ensure!(found, "{file} is not in the package {}", package.name);
    }
    Ok(size)
}

/// A workspace in which the packages find each other, with the profiles of ours.
fn manifest(packages: &[Package]) -> anyhow::Result<String> {
    let ours = fs::read_to_string(repository().join("Cargo.toml"))?;
    let profiles = ours
        .find("[profile.")
        .context("Cargo.toml has no profiles")?;
    let mut manifest =
        "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n\n[patch.crates-io]\n".to_owned();
    for Package { name, version, .. } in packages {
        writeln!(manifest, "{name} = {{ path = \"{name}-{version}\" }}")?;
    }
    write!(manifest, "\n{}", &ours[profiles..])?;
    Ok(manifest)
}
