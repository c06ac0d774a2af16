//! A file that is there as a whole or not at all.

use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a file may not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWritable {
    #[error("{} is a folder", .0.display())]
    Folder(PathBuf),
    #[error("{} is there already; choose another name, or replace it by --force", .0.display())]
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

/// Writes beside it first, so that nobody sees half of it.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let persist = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new();
        // As any file that a program makes, not for the user alone as a temporary one.
        #[cfg(unix)]
        file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = file.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        if force {
            file.persist(path)?;
        } else {
            file.persist_noclobber(path)?;
        }
        Ok(())
    };
    persist().with_context(|| format!("cannot write {}", path.display()))
}
