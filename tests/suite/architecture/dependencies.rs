//! Dependencies between the crates of the workspace.

use crate::fixtures::repository;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates of this workspace that each may depend on.
const PERMITTED: [(&str, &[&str]); 16] = [
    ("wolfgang-sampling", &[]),
    ("wolfgang-tokenize", &[]),
    ("wolfgang-kernels", &[]),
    ("wolfgang-faust", &[]),
    (
        "wolfgang-constrain",
        &["wolfgang-sampling", "wolfgang-tokenize"],
    ),
    ("wolfgang-model", &["wolfgang-kernels"]),
    ("wolfgang-checkpoint", &["wolfgang-model"]),
    (
        "wolfgang-generate",
        &[
            "wolfgang-sampling",
            "wolfgang-tokenize",
            "wolfgang-constrain",
            "wolfgang-model",
            "wolfgang-checkpoint",
        ],
    ),
    (
        "wolfgang-bench",
        &["wolfgang-kernels", "wolfgang-model", "wolfgang-checkpoint"],
    ),
    ("wolfgang-explain", &["wolfgang-generate"]),
    ("wolfgang-serve", &["wolfgang-generate"]),
    (
        "wolfgang-python",
        &["wolfgang-checkpoint", "wolfgang-generate", "wolfgang-faust"],
    ),
    ("wolfgang-cli", ANY_LIBRARY),
    (
        "xtask",
        &[
            "wolfgang-model",
            "wolfgang-checkpoint",
            "wolfgang-generate",
            "wolfgang-bench",
            "wolfgang-cli",
            "wolfgang-fuzzed",
        ],
    ),
    (
        "wolfgang-fuzzed",
        &[
            "wolfgang-tokenize",
            "wolfgang-model",
            "wolfgang-checkpoint",
            "wolfgang-generate",
            "wolfgang-serve",
            "wolfgang-sampling",
            "wolfgang-constrain",
        ],
    ),
    // No crate depends on the tests.
    (
        "wolfgang-tests",
        &[
            "wolfgang-sampling",
            "wolfgang-tokenize",
            "wolfgang-model",
            "wolfgang-checkpoint",
            "wolfgang-generate",
            "wolfgang-explain",
            "wolfgang-serve",
            "wolfgang-cli",
            "xtask",
        ],
    ),
];

const ANY_LIBRARY: &[&str] = &[
    "wolfgang-kernels",
    "wolfgang-sampling",
    "wolfgang-constrain",
    "wolfgang-tokenize",
    "wolfgang-model",
    "wolfgang-checkpoint",
    "wolfgang-generate",
    "wolfgang-bench",
    "wolfgang-explain",
    "wolfgang-serve",
    "wolfgang-faust",
];

/// The output of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    targets: Vec<BuildTarget>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for a normal dependency.
    kind: Option<String>,
}

/// A library, a program, a test: what rustc makes of one root file.
#[derive(Deserialize)]
struct BuildTarget {
    kind: Vec<String>,
    src_path: PathBuf,
}

/// The root files of the libraries and programs of the workspace.
pub(super) fn library_and_program_roots() -> Vec<PathBuf> {
    let targets = packages().into_iter().flat_map(|package| package.targets);
    targets
        .filter(|target| {
            target
                .kind
                .iter()
                .any(|kind| kind == "lib" || kind == "bin")
        })
        .map(|target| target.src_path)
        .collect()
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
fn crates_depend_only_on_permitted_crates() {
    let packages = packages();
    let members: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        members,
        PERMITTED.iter().map(|(name, _)| *name).collect(),
        "every crate has its row"
    );

    for package in &packages {
        let name = package.name.as_str();
        let (_, allowed) = PERMITTED.iter().find(|(rule, _)| name == *rule).unwrap();
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let known = members.contains(other) && dependency.kind.as_deref() != Some("dev");
            assert!(
                !known || allowed.contains(&other),
                "{name} must not depend on {other}"
            );
        }
    }
}

/// They compute on slices, so that they can be used without burn and compiled quickly.
#[test]
fn sampling_tokenize_and_kernels_do_not_depend_on_burn() {
    for package in packages() {
        let without_burn = ["wolfgang-sampling", "wolfgang-tokenize", "wolfgang-kernels"];
        if without_burn.contains(&package.name.as_str()) {
            let burn = package
                .dependencies
                .iter()
                .any(|d| d.name.starts_with("burn"));
            assert!(!burn, "{} must not depend on burn", package.name);
        }
    }
}

/// The crates whose types stay out of public signatures, so that their next version breaks no
/// caller.
const PRIVATE: [&str; 3] = ["burn", "burn_pack", "bytes"];

/// Public items of the libraries name no type of burn's but `Device`, and none of the crate
/// `bytes`.
#[test]
fn public_signatures_are_free_of_burn_and_bytes() {
    let mut files = Vec::new();
    for package in packages() {
        let folder = repository("crates").join(&package.name).join("src");
        if package.name != "wolfgang-cli" && folder.is_dir() {
            sources(&folder, &mut files);
        }
    }
    let mut found = Vec::new();
    for file in &files {
        let source = std::fs::read_to_string(file).unwrap();
        let items = leaking_items(&source).into_iter();
        found.extend(items.map(|item| format!("{}: {item}", file.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn types_of_burn_and_bytes_are_found_in_public_signatures() {
    let source = "
use burn::tensor::{Bytes, Device, TensorData as Data};

pub fn allowed(device: &Device) -> Option<Vec<u8>> {
    let data: Data = Data::new();
}
pub(crate) fn inner(data: Data) {}
pub fn several_lines(
    device: &Device,
    data: Data,
) {}
pub struct Record {
    pub bytes: Vec<Bytes>,
    data: Data,
}
pub enum Value {
    Raw(Bytes),
    Scalar { data: Data },
}
pub fn path(bytes: bytes::Bytes) {}
pub use burn::tensor::Device;
pub use burn::tensor::DType;
";
    assert_eq!(
        leaking_items(source),
        [
            "pub fn several_lines(    device: &Device,    data: Data,) {}",
            "pub bytes: Vec<Bytes>,",
            "pub enum Value {    Raw(Bytes),    Scalar { data: Data },}",
            "pub fn path(bytes: bytes::Bytes) {}",
            "pub use burn::tensor::DType;"
        ]
    );
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The public items that name a path of a crate of [`PRIVATE`] or a type imported from one. burn's
/// `Device` is the exception.
fn leaking_items(source: &str) -> Vec<String> {
    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
    }
    let mut types = BTreeSet::new();
    for statement in source.split(';') {
        let import = statement.trim_start().strip_prefix("use ").unwrap_or("");
        if words(import)
            .next()
            .is_some_and(|from| PRIVATE.contains(&from))
        {
            types.extend(words(import).filter(|word| word.starts_with(char::is_uppercase)));
        }
    }
    types.remove("Device");
    let mut items = public_items(source);
    items.retain(|item| {
        let has_path = PRIVATE
            .iter()
            .any(|from| item.contains(&format!("{from}::")));
        let has_type = words(item).any(|word| types.contains(word));
        (has_path || has_type) && item != "pub use burn::tensor::Device;"
    });
    items
}

/// Public signatures and fields, enums and traits as a whole, of source in rustfmt's form.
fn public_items(source: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut lines = source.lines();
    while let Some(first) = lines.next() {
        let mut item = first.trim_start().to_owned();
        if !item.starts_with("pub ") {
            continue;
        }
        let is_whole = item.starts_with("pub enum ") || item.starts_with("pub trait ");
        let end = first.replace(&item, "}");
        let is_end = |line: &str| match is_whole {
            true => line == end,
            false => line.ends_with(['{', '}', ';']),
        };
        // A field ends with its line.
        if !is_end(first) && !first.ends_with(',') {
            for line in lines.by_ref() {
                item.push_str(line);
                if is_end(line) {
                    break;
                }
            }
        }
        items.push(item);
    }
    items
}
