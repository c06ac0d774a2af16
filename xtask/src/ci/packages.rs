//! The packages that `cargo package` wrote: they must compile by themselves, contain the licences
//! and be small enough for the registry.
//!
//! Cargo's own verification compiles burn again for each package. Here the archives are unpacked
//! into one workspace with the lock file and the profiles of the repository, which reuses the
//! artifacts of the lint step.

use super::command::{command, repository};
use super::features::{FEATURES, WITHOUT_LLVM};
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The registry's limit of the size of a package.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// The output of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// The registries to which it may be published; `None` for any.
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
    ensure!(status.success(), "the packed crates do not compile");

    let largest = sizes.iter().zip(&packages).max_by_key(|(size, _)| **size);
    let (size, package) = largest.context("no package is published")?;
    Ok(Some(format!(
        "{} packages, the largest is {} with {:.2} MB",
        packages.len(),
        package.name,
        *size as f64 / 1e6
    )))
}

/// Unpacks a package and returns its packed size.
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

/// The manifest of a workspace of the packages, with the profiles of the repository.
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
