//! Which files of a repository make its model. No other is ever downloaded.

use crate::layout::{CONFIG, INDEX, RECORD, SINGLE};
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// The form in which a repository has its model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// A folder with these files.
    Folder(Vec<&'static str>),
    /// A folder with these files; which others, the last of them tells.
    Sharded(Vec<&'static str>),
    /// A `.pt`.
    File(String),
}

impl Choice {
    /// What to fetch before anything else is known.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::Folder(files) | Self::Sharded(files) => files.clone(),
            Self::File(file) => vec![file],
        }
    }
}

/// Chooses by the names of a repository's files: safetensors first, then the native record, then the only `.pt`.
///
/// The error says what is there instead.
pub(super) fn choose(names: &BTreeSet<String>) -> Result<Choice, String> {
    let has = |name: &str| names.contains(name);
    if has(CONFIG) {
        if has(SINGLE) {
            return Ok(Choice::Folder(vec![CONFIG, SINGLE]));
        }
        if has(INDEX) {
            return Ok(Choice::Sharded(vec![CONFIG, INDEX]));
        }
        if has(RECORD) {
            return Ok(Choice::Folder(vec![CONFIG, RECORD]));
        }
    }
    let checkpoints: Vec<_> = names.iter().filter(|name| is_pt(name)).collect();
    match checkpoints.as_slice() {
        [only] => Ok(Choice::File((*only).clone())),
        [] => Err(list(names.iter().collect())),
        several => Err(format!("several .pt files: {}", list(several.to_vec()))),
    }
}

/// Whether a name that a server sent can be a file's name in a folder, and nothing else.
pub(super) fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let one = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(part)), None) if part == name
    );
    // On some systems a backslash or a colon is more than a character.
    one && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

fn is_pt(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "pt")
}

fn list(names: Vec<&String>) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "no file".to_owned();
    }
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| name.as_str()).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Result<Choice, String> {
        choose(&names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn safetensors_come_before_the_record_and_the_record_before_pt() {
        let all = [
            "a.pt",
            "config.json",
            "model.bpk",
            "model.safetensors",
            "model.safetensors.index.json",
            "optimizer.bin",
        ];
        let folder = |weights| Ok(Choice::Folder(vec!["config.json", weights]));
        assert_eq!(chosen(&all), folder("model.safetensors"));
        let sharded = vec!["config.json", "model.safetensors.index.json"];
        assert_eq!(
            chosen(&[
                "a.pt",
                "config.json",
                "model.bpk",
                "model.safetensors.index.json"
            ]),
            Ok(Choice::Sharded(sharded))
        );
        assert_eq!(chosen(&all[..3]), folder("model.bpk"));
        assert_eq!(chosen(&all[..2]), Ok(Choice::File("a.pt".to_owned())));
        // Weights without the configuration are of no use.
        assert_eq!(
            chosen(&["model.safetensors", "a.pt"]),
            Ok(Choice::File("a.pt".to_owned()))
        );
    }

    #[test]
    fn what_is_there_instead_is_said() {
        assert_eq!(chosen(&[]), Err("no file".to_owned()));
        assert_eq!(chosen(&["b.txt", "a.bin"]), Err("a.bin, b.txt".to_owned()));
        assert_eq!(
            chosen(&["b.pt", "a.pt"]),
            Err("several .pt files: a.pt, b.pt".to_owned())
        );
        let many: Vec<_> = (0..10).map(|i| format!("{i}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(
            chosen(&many),
            Err("0, 1, 2, 3, 4, 5, 6, 7, and 2 more".to_owned())
        );
    }

    #[test]
    fn only_plain_names_are_files() {
        for name in ["config.json", "model 1.pt", "..pt", "ä.pt"] {
            assert!(is_plain(name), "{name:?}");
        }
        for name in [
            "", ".", "..", "/", "/a", "a/", "a/b", "../a", "a\\b", "C:a", "a\0", "a\nb",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
