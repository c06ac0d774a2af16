//! The house: who may know whom.

use crate::fixtures::repository;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::process::Command;

/// Every arrow that may exist between the crates of this workspace.
const MAY_KNOW: [(&str, &[&str]); 11] = [
    ("wolfgang-sampling", &[]),
    ("wolfgang-tokenize", &[]),
    ("wolfgang-kernels", &[]),
    ("wolfgang-faust", &[]),
    ("wolfgang-model", &["wolfgang-kernels"]),
    ("wolfgang-checkpoint", &["wolfgang-model"]),
    (
        "wolfgang-generate",
        &[
            "wolfgang-sampling",
            "wolfgang-tokenize",
            "wolfgang-model",
            "wolfgang-checkpoint",
        ],
    ),
    ("wolfgang-cli", ANY_LIBRARY),
    (
        "xtask",
        &[
            "wolfgang-model",
            "wolfgang-checkpoint",
            "wolfgang-generate",
            "wolfgang-cli",
            "wolfgang-fuzzed",
        ],
    ),
    (
        "wolfgang-fuzzed",
        &["wolfgang-tokenize", "wolfgang-model", "wolfgang-checkpoint"],
    ),
    // Nobody knows the tests.
    (
        "wolfgang-tests",
        &[
            "wolfgang-sampling",
            "wolfgang-tokenize",
            "wolfgang-model",
            "wolfgang-checkpoint",
            "wolfgang-generate",
            "wolfgang-cli",
            "xtask",
        ],
    ),
];

const ANY_LIBRARY: &[&str] = &[
    "wolfgang-kernels",
    "wolfgang-sampling",
    "wolfgang-tokenize",
    "wolfgang-model",
    "wolfgang-checkpoint",
    "wolfgang-generate",
    "wolfgang-faust",
];

/// What `cargo metadata` says of the workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for what is needed at run time.
    kind: Option<String>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(repository(""))
        .output()
        .unwrap();
    serde_json::from_slice::<Metadata>(&output.stdout)
        .unwrap()
        .packages
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let members: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        members,
        MAY_KNOW.iter().map(|(name, _)| *name).collect(),
        "a rule for every crate"
    );

    for package in &packages {
        let name = package.name.as_str();
        let (_, allowed) = MAY_KNOW.iter().find(|(rule, _)| name == *rule).unwrap();
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let known = members.contains(other) && dependency.kind.as_deref() != Some("dev");
            assert!(
                !known || allowed.contains(&other),
                "{name} must not know {other}"
            );
        }
    }
}

/// Sampling and tokenizing are of use without a tensor in sight.
#[test]
fn the_lowest_crates_do_without_burn() {
    for package in packages() {
        if ["wolfgang-sampling", "wolfgang-tokenize"].contains(&package.name.as_str()) {
            let burn = package
                .dependencies
                .iter()
                .any(|d| d.name.starts_with("burn"));
            assert!(!burn, "{} must not know burn", package.name);
        }
    }
}
