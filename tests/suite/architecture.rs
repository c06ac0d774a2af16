//! The house: who may know whom.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::BTreeSet;

/// Every arrow that may exist between the crates of this workspace.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("wolfgang-sampling", &[]),
    ("wolfgang-tokenize", &[]),
    ("wolfgang-model", &[]),
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
    "wolfgang-sampling",
    "wolfgang-tokenize",
    "wolfgang-model",
    "wolfgang-checkpoint",
    "wolfgang-generate",
];

#[test]
fn dependencies_point_one_way() {
    let metadata = MetadataCommand::new()
        .manifest_path(crate::fixtures::repository("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let packages = metadata.workspace_packages();
    let members: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(
        members,
        MAY_KNOW.iter().map(|(name, _)| *name).collect(),
        "a rule for every crate"
    );

    for package in packages {
        let (_, allowed) = MAY_KNOW
            .iter()
            .find(|(name, _)| package.name.as_str() == *name)
            .unwrap();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let known = members.contains(name) && dependency.kind != DependencyKind::Development;
            assert!(
                !known || allowed.contains(&name),
                "{} must not know {name}",
                package.name
            );
        }
    }
}

/// Sampling and tokenizing are of use without a tensor in sight.
#[test]
fn the_lowest_crates_do_without_burn() {
    let metadata = MetadataCommand::new()
        .manifest_path(crate::fixtures::repository("Cargo.toml"))
        .no_deps()
        .exec();
    for package in metadata.unwrap().workspace_packages() {
        if ["wolfgang-sampling", "wolfgang-tokenize"].contains(&package.name.as_str()) {
            let burn = package
                .dependencies
                .iter()
                .any(|d| d.name.starts_with("burn"));
            assert!(!burn, "{} must not know burn", package.name);
        }
    }
}
