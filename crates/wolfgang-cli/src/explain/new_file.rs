//! The file of `--html`.

use crate::whole_file::{self, Access};
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Why a file may not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWritable {
    #[error("{} is a folder", .0.display())]
    Folder(PathBuf),
    #[error("{} already exists; choose another name, or replace it with --force", .0.display())]
    There(PathBuf),
}

impl NotWritable {
    pub(crate) fn german(&self) -> String {
        match self {
            Self::Folder(path) => format!("{} ist ein Ordner", path.display()),
            Self::There(path) => format!(
                "{} gibt es schon; wählen Sie einen anderen Namen, oder ersetzen Sie sie mit --force",
                path.display()
            ),
        }
    }
}

/// Before there is anything to write: whether it may be written.
pub(crate) fn check(path: &Path, force: bool) -> Result<(), NotWritable> {
    if path.is_dir() {
        return Err(NotWritable::Folder(path.to_owned()));
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(NotWritable::There(path.to_owned()));
    }
    Ok(())
}

/// In one step, so that nobody sees half of it.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    whole_file::write(path, bytes, Access::Usual, force)
        .with_context(|| format!("failed to write {}", path.display()))
}
