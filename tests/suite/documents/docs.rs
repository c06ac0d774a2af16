//! Links between documents resolve, and their Rust code is compiled.

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

/// The targets of links and pictures of a document, without those in code: `](target)`.
fn links(document: &str) -> Vec<String> {
    let prose = document.split("```").step_by(2);
    let targets = prose.flat_map(|text| text.split("](").skip(1));
    let target = |rest: &str| rest.split([')', ' ']).next().unwrap().to_owned();
    targets.map(target).collect()
}

/// The anchor of a heading, as GitHub makes it.
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
fn links_between_documents_resolve() {
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
fn the_readme_links_every_document() {
    let linked = links(&read("README.md"));
    // The histories of benchmarks are linked as a folder, in docs/performance.md.
    let is_linked =
        |path: &&PathBuf| path.starts_with("docs") && !path.starts_with("docs/benchmarks");
    for document in documents().iter().filter(is_linked) {
        let name = document.to_str().unwrap();
        let found = linked
            .iter()
            .any(|link| link.split('#').next() == Some(name));
        assert!(found, "README.md does not link to {name}");
    }
}

/// `tests/src/lib.rs` lists them as documentation tests.
#[test]
fn the_rust_of_every_document_is_compiled() {
    let compiled = read("tests/src/lib.rs");
    for document in documents() {
        let has_rust = read(&document).contains("```rust");
        let name = format!("{:?}", document.to_str().unwrap());
        assert!(!has_rust || compiled.contains(&name), "{name}");
    }
}

#[test]
fn anchors_have_the_form_that_github_makes() {
    assert_eq!(
        anchor(" What is *not* read, and why"),
        "what-is-not-read-and-why"
    );
}
