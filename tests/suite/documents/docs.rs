//! What is said in two places is the same, and every reference leads somewhere.

use crate::fixtures::repository;
use std::path::{Path, PathBuf};
use std::process::Command;

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(repository("").join(path)).unwrap()
}

/// Every document of the repository.
fn documents() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "*.md"])
        .current_dir(repository(""))
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let documents: Vec<_> = list.lines().map(PathBuf::from).collect();
    assert!(documents.len() > 8, "{output:?}");
    documents
}

/// Where the links and pictures of a document point, but for code: `](target)`.
fn links(document: &str) -> Vec<String> {
    let prose = document.split("```").step_by(2);
    let targets = prose.flat_map(|text| text.split("](").skip(1));
    let target = |rest: &str| rest.split([')', ' ']).next().unwrap().to_owned();
    targets.map(target).collect()
}

/// The anchor that a heading gets, as the common hosts make it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let kept = heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut checked = 0;
    for document in documents() {
        for link in links(&read(&document)) {
            if link.contains("://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.with_file_name("").join(path),
            };
            let found = repository("").join(&target);
            let document = document.display();
            assert!(found.exists(), "{document} links to {link}");
            if !fragment.is_empty() {
                let text = read(&target);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|h| anchor(h.trim_start_matches('#')) == fragment);
                assert!(found, "{document} links to {link}");
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} links were found");
}

#[test]
fn the_readme_leads_to_every_document() {
    let linked = links(&read("README.md"));
    for document in documents().iter().filter(|path| path.starts_with("docs")) {
        let name = document.to_str().unwrap();
        let found = linked
            .iter()
            .any(|link| link.split('#').next() == Some(name));
        assert!(found, "README.md does not link to {name}");
    }
}

/// `tests/src/lib.rs` has them in a list, as documentation tests.
#[test]
fn the_rust_of_every_document_is_compiled() {
    let compiled = read("tests/src/lib.rs");
    for document in documents() {
        let has_rust = read(&document).contains("```rust");
        let name = format!("{:?}", document.to_str().unwrap());
        assert!(!has_rust || compiled.contains(&name), "{name}");
    }
}

/// The number in the manifest is the one; where people look for it, it is repeated.
#[test]
fn the_oldest_toolchain_is_told_everywhere_alike() {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(&format!("({oldest})")));
    assert!(read("docs/stability.md").contains(&format!("Rust {oldest}")));
}

/// Whoever releases a version says what is in it.
#[test]
fn the_changelog_tells_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let heading = format!("\n## {version}");
    let changelog = read("CHANGELOG.md");
    let (_, section) = changelog.split_once(&heading).unwrap();
    assert!(section.lines().any(|line| line.starts_with("- ")));
}

#[test]
fn anchors_are_those_of_the_hosts() {
    assert_eq!(
        anchor(" What is *not* read, and why"),
        "what-is-not-read-and-why"
    );
}
