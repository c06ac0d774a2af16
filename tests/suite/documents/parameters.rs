//! The flags that documents name exist.

use crate::fixtures::{repository, wolfgang};
use std::collections::BTreeSet;

/// The long options in the help of a command.
fn flags(command: &str) -> BTreeSet<String> {
    let help = wolfgang().args([command, "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'));
    let names = options.filter_map(|line| line.split_once("--"));
    names
        .map(|(_, rest)| rest.split([' ', ',', '[']).next().unwrap())
        .map(|name| format!("--{name}"))
        .collect()
}

#[test]
fn flags_in_the_parity_document_are_options_of_generate() {
    let flags = flags("generate");
    assert!(flags.contains("--top-p"), "{flags:?}");
    let document = std::fs::read_to_string(repository("docs/parity.md")).unwrap();
    let spans = document.split('`').skip(1).step_by(2);
    for word in spans.flat_map(str::split_whitespace) {
        assert!(!word.starts_with("--") || flags.contains(word), "{word}");
    }
}
