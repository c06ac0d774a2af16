//! Selection of the files of a model in a repository. Other files are not downloaded.

use crate::file_kind;
use crate::file_names::{
    CHAT_TEMPLATE, CONFIG, GENERATION_CONFIG, INDEX, RECORD, SINGLE, TOKENIZER, TOKENIZER_CONFIG,
};
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// The format of the model in a repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RepoLayout {
    /// A folder with these files.
    Folder(Vec<&'static str>),
    /// A folder with these files and those that its index lists.
    Sharded(Vec<&'static str>),
    /// A `.pt` file, by its path in the repository.
    File(String),
}

/// Why a repository has no layout. The strings are lists of files for messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LayoutError {
    /// The repository has these files, which are not a model.
    NoModel(String),
    /// The repository has several `.pt` files.
    Several(String),
    /// The requested file does not exist; the repository has these `.pt` files.
    NoSuchFile(String),
    /// The weights are in an unsupported format.
    OtherWeights {
        name: String,
        instruction: &'static str,
    },
}

impl RepoLayout {
    /// Returns the files that are known without an index.
    pub(super) fn files(&self) -> Vec<&str> {
        match self {
            Self::Folder(files) | Self::Sharded(files) => files.clone(),
            Self::File(file) => vec![file],
        }
    }
}

/// Selects a layout by the names of the files: the requested file, else safetensors, else the
/// native record, else the only `.pt` file.
pub(super) fn select(
    names: &BTreeSet<String>,
    requested: Option<&str>,
) -> Result<RepoLayout, LayoutError> {
    let has = |name: &str| names.contains(name);
    let (nested, top_level): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.contains('/'));
    let is_checkpoint = |name: &&String| is_pt(name);
    if let Some(file) = requested {
        if has(file) {
            return Ok(RepoLayout::File(file.to_owned()));
        }
        let found: Vec<_> = names.iter().filter(is_checkpoint).collect();
        return Err(LayoutError::NoSuchFile(match found.is_empty() {
            true => String::new(),
            false => list(found),
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
            return Ok(RepoLayout::Folder(with_generation(RECORD)));
        }
    }
    for names in [&top_level, &nested] {
        let checkpoints: Vec<_> = names.iter().copied().filter(is_checkpoint).collect();
        match checkpoints.as_slice() {
            [] => {}
            [only] => return Ok(RepoLayout::File((*only).clone())),
            _ => return Err(LayoutError::Several(list(checkpoints))),
        }
    }
    let other = file_kind::first_other_weights(top_level.iter().copied().cloned());
    Err(match other {
        Some((remedy, name)) => LayoutError::OtherWeights {
            name,
            instruction: remedy.instruction(),
        },
        None => LayoutError::NoModel(list(top_level)),
    })
}

/// Returns the tokenizer of a layout: the one in the folder of the `.pt` file, else the one at the
/// top level.
pub(super) fn tokenizer(names: &BTreeSet<String>, layout: &RepoLayout) -> Option<String> {
    let folder = match layout {
        RepoLayout::File(file) => file.rsplit_once('/').map(|(folder, _)| folder),
        RepoLayout::Folder(_) | RepoLayout::Sharded(_) => None,
    };
    let nested = folder.map(|folder| format!("{folder}/{TOKENIZER}"));
    let mut candidates = nested.into_iter().chain([TOKENIZER.to_owned()]);
    candidates.find(|name| names.contains(name))
}

/// Returns the files beside `tokenizer` that can contain its chat template.
pub(super) fn chat_templates(names: &BTreeSet<String>, tokenizer: &str) -> Vec<String> {
    let folder = tokenizer.strip_suffix(TOKENIZER).unwrap_or_default();
    let files = [CHAT_TEMPLATE, TOKENIZER_CONFIG].map(|name| format!("{folder}{name}"));
    files
        .into_iter()
        .filter(|name| names.contains(name))
        .collect()
}

/// Whether a path from a server names a file within a folder or its subfolders.
pub(super) fn is_inside(path: &str) -> bool {
    path.split('/').all(is_file_name)
}

/// Whether a name from a server names a file within a folder.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one_component = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(part)), None) if part == name
    );
    // A backslash or a colon has a special meaning on some systems.
    is_one_component && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
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
mod tests;
