//! Which files of a repository make its model. No other is ever downloaded.

use crate::file_kind;
use crate::layout::{CONFIG, GENERATION_CONFIG, INDEX, RECORD, SINGLE, TOKENIZER};
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// The form in which a repository has its model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RepoLayout {
    /// A folder with these files.
    Folder(Vec<&'static str>),
    /// A folder with these files, and with those that its index lists.
    Sharded(Vec<&'static str>),
    /// A `.pt`, by its path in the repository.
    File(String),
}

/// Why nothing can be chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// There are these files, none of them a model.
    NoModel(String),
    /// There are these `.pt` files.
    Several(String),
    /// The file named is not there, but these `.pt` files.
    NoSuchFile(String),
    /// The weights are in a format that is not read.
    OtherWeights {
        name: String,
        instruction: &'static str,
    },
}

impl RepoLayout {
    /// What to fetch before anything else is known.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::Folder(files) | Self::Sharded(files) => files.clone(),
            Self::File(file) => vec![file],
        }
    }
}

/// Chooses by the names of a repository's files: the one that is asked for, or else safetensors first, then the native
/// record, then the only `.pt`.
pub(super) fn choose(names: &BTreeSet<String>, asked: Option<&str>) -> Result<RepoLayout, Problem> {
    let has = |name: &str| names.contains(name);
    let (nested, outer): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.contains('/'));
    let is_checkpoint = |name: &&String| is_pt(name);
    if let Some(file) = asked {
        if has(file) {
            return Ok(RepoLayout::File(file.to_owned()));
        }
        let there = names.iter().filter(is_checkpoint).collect();
        let there: Vec<_> = there;
        return Err(Problem::NoSuchFile(match there.is_empty() {
            true => String::new(),
            false => list(there),
        }));
    }
    if has(CONFIG) {
        let with_generation = |weights| {
            let generation = has(GENERATION_CONFIG).then_some(GENERATION_CONFIG);
            [CONFIG]
                .into_iter()
                .chain(generation)
                .chain([weights])
                .collect()
        };
        if has(SINGLE) {
            return Ok(RepoLayout::Folder(with_generation(SINGLE)));
        }
        if has(INDEX) {
            return Ok(RepoLayout::Sharded(with_generation(INDEX)));
        }
        if has(RECORD) {
            return Ok(RepoLayout::Folder(vec![CONFIG, RECORD]));
        }
    }
    for names in [&outer, &nested] {
        let checkpoints: Vec<_> = names.iter().copied().filter(is_checkpoint).collect();
        match checkpoints.as_slice() {
            [] => {}
            [only] => return Ok(RepoLayout::File((*only).clone())),
            _ => return Err(Problem::Several(list(checkpoints))),
        }
    }
    let other = file_kind::first_other_weights(outer.iter().copied().cloned());
    Err(match other {
        Some((remedy, name)) => Problem::OtherWeights {
            name,
            instruction: remedy.instruction(),
        },
        None => Problem::NoModel(list(outer)),
    })
}

/// The tokenizer that belongs to what was chosen: beside a `.pt`, or else at the top.
pub(super) fn tokenizer(names: &BTreeSet<String>, choice: &RepoLayout) -> Option<String> {
    let beside = match choice {
        RepoLayout::File(file) => file.rsplit_once('/').map(|(folder, _)| folder),
        RepoLayout::Folder(_) | RepoLayout::Sharded(_) => None,
    };
    let beside = beside.map(|folder| format!("{folder}/{TOKENIZER}"));
    let mut places = beside.into_iter().chain([TOKENIZER.to_owned()]);
    places.find(|name| names.contains(name))
}

/// Whether a path that a server sent can be that of a file in a folder or in folders of it, and nothing else.
pub(super) fn is_inside(path: &str) -> bool {
    path.split('/').all(is_plain)
}

/// Whether a name can be a file's name in a folder, and nothing else.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let one = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(part)), None) if part == name
    );
    // On some systems a backslash or a colon is more than a character.
    one && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

pub(super) fn is_pt(name: &str) -> bool {
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

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn chosen(names: &[&str]) -> Result<RepoLayout, Problem> {
        choose(&set(names), None)
    }

    fn no_model(found: &str) -> Result<RepoLayout, Problem> {
        Err(Problem::NoModel(found.to_owned()))
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
        let folder = |weights| Ok(RepoLayout::Folder(vec!["config.json", weights]));
        assert_eq!(chosen(&all), folder("model.safetensors"));
        let sharded = vec!["config.json", "model.safetensors.index.json"];
        assert_eq!(
            chosen(&[
                "a.pt",
                "config.json",
                "model.bpk",
                "model.safetensors.index.json"
            ]),
            Ok(RepoLayout::Sharded(sharded))
        );
        assert_eq!(chosen(&all[..3]), folder("model.bpk"));
        assert_eq!(chosen(&all[..2]), Ok(RepoLayout::File("a.pt".to_owned())));
        // Weights without the configuration are of no use.
        assert_eq!(
            chosen(&["model.safetensors", "a.pt"]),
            Ok(RepoLayout::File("a.pt".to_owned()))
        );
    }

    #[test]
    fn what_is_there_instead_is_said() {
        assert_eq!(chosen(&[]), no_model("no file"));
        assert_eq!(chosen(&["b.txt", "a.bin"]), no_model("a.bin, b.txt"));
        assert_eq!(
            chosen(&["b.pt", "a.pt", "c/d.pt"]),
            Err(Problem::Several("a.pt, b.pt".to_owned()))
        );
        let other = chosen(&["config.json", "pytorch_model.bin", "x.gguf"]);
        assert!(
            matches!(&other, Err(Problem::OtherWeights { name, .. }) if name == "pytorch_model.bin"),
            "{other:?}"
        );
        let many: Vec<_> = (0..10).map(|i| format!("{i}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(
            chosen(&many),
            no_model("0, 1, 2, 3, 4, 5, 6, 7, and 2 more")
        );
    }

    #[test]
    fn a_file_can_be_asked_for() {
        let names = set(&["a.pt", "config.json", "model.safetensors", "s/b.pt"]);
        for file in ["a.pt", "s/b.pt"] {
            assert_eq!(
                choose(&names, Some(file)),
                Ok(RepoLayout::File(file.to_owned()))
            );
        }
        assert_eq!(
            choose(&names, Some("b.pt")),
            Err(Problem::NoSuchFile("a.pt, s/b.pt".to_owned()))
        );
    }

    #[test]
    fn the_only_pt_may_lie_in_a_folder() {
        let file = |name: &str| Ok(RepoLayout::File(name.to_owned()));
        assert_eq!(chosen(&["README.md", "s/b.pt"]), file("s/b.pt"));
        assert_eq!(chosen(&["a.pt", "s/b.pt", "s/c.pt"]), file("a.pt"));
    }

    #[test]
    fn the_tokenizer_beside_a_pt_comes_before_the_one_at_the_top() {
        let pt = RepoLayout::File("s/b.pt".to_owned());
        let of = |names: &[&str], choice| tokenizer(&set(names), choice);
        let (inner, outer) = ("s/tokenizer.json", "tokenizer.json");
        assert_eq!(of(&[inner, outer], &pt).as_deref(), Some(inner));
        assert_eq!(of(&[outer], &pt).as_deref(), Some(outer));
        assert_eq!(of(&["t/tokenizer.json"], &pt), None);
        let folder = RepoLayout::Folder(vec![]);
        assert_eq!(of(&[inner, outer], &folder).as_deref(), Some(outer));
    }

    #[test]
    fn generation_config_comes_with_a_hugging_face_folder() {
        let all = ["config.json", "generation_config.json", "model.safetensors"];
        assert_eq!(chosen(&all), Ok(RepoLayout::Folder(all.to_vec())));
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
        assert!(is_inside("a/b c/d.pt") && is_inside("d.pt"));
        for path in ["", "/a", "a/", "a//b", "a/../b", "./a", "a/b\\c"] {
            assert!(!is_inside(path), "{path:?}");
        }
    }
}
