//! A folder that is made aside and put into its place in one step.

use crate::CheckpointError;
use crate::layout::OUTPUT_FILES;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary folder on the file system of its target, removed again unless it is put into place.
pub(crate) struct StagingDir {
    folder: TempDir,
    target: PathBuf,
    replace: bool,
}

impl StagingDir {
    /// An empty one for `target`, where there must be nothing, an empty folder or, with `replace`, only what conversions
    /// write.
    pub(crate) fn new_sibling(target: &Path, replace: bool) -> Result<Self, CheckpointError> {
        let occupied = check_free(target, replace)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".wolfgang-");
        // Temporary folders are private by default; this one becomes an ordinary one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let failed = |source| write_error(target, source);
        let folder = builder
            .tempdir_in(parent(target))
            .map_err(|error| failed(without_temporary_name(error)))?;
        if let Some(occupied) = occupied {
            std::fs::set_permissions(folder.path(), occupied.permissions()).map_err(failed)?;
        }
        Ok(Self {
            folder,
            target: target.to_path_buf(),
            replace,
        })
    }

    /// Where it lies until it is put into place.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where it is to lie.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes one of its files.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> Result<(), CheckpointError> {
        std::fs::write(self.path().join(name), contents).map_err(|e| self.failed(name, e))
    }

    /// Writes one of its files with what `from` has.
    pub(crate) fn copy(&self, name: &str, mut from: File) -> Result<(), CheckpointError> {
        File::create(self.path().join(name))
            .and_then(|mut to| std::io::copy(&mut from, &mut to))
            .map(drop)
            .map_err(|e| self.failed(name, e))
    }

    /// That one of its files could not be written.
    pub(crate) fn failed(
        &self,
        name: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CheckpointError {
        CheckpointError::Write {
            path: self.target.join(name),
            source: source.into(),
        }
    }

    /// Waits until everything is on the disk, then renames.
    pub(crate) fn commit(self) -> Result<(), CheckpointError> {
        let failed = |source| write_error(&self.target, source);
        for entry in std::fs::read_dir(self.path()).map_err(failed)? {
            let file = entry.and_then(|entry| File::options().write(true).open(entry.path()));
            file.and_then(|file| file.sync_all()).map_err(failed)?;
        }
        sync_folder(self.path()).map_err(failed)?;
        if check_free(&self.target, self.replace)?.is_some() {
            // What was there lies in the temporary folder now, and goes with it.
            exchange(self.path(), &self.target).map_err(failed)?;
        } else {
            std::fs::rename(self.path(), &self.target).map_err(failed)?;
            // It lies at its place now; nothing is left to clean up.
            let _ = self.folder.keep();
        }
        // The new model is in place already: that its name may be lost with the power is no reason to call it failed.
        let _ = sync_folder(parent(&self.target));
        Ok(())
    }
}

/// What is at `target`, if anything is. Refuses it unless it is an empty folder, or may be replaced and has only files of
/// the names that conversions write: anything else was not written by a conversion.
fn check_free(target: &Path, replace: bool) -> Result<Option<Metadata>, CheckpointError> {
    let path = || target.to_path_buf();
    let read = |source| CheckpointError::Read {
        path: path(),
        source,
    };
    let refuse = |found: String| CheckpointError::NotReplaced {
        path: path(),
        found,
    };
    let Ok(occupied) = target.symlink_metadata() else {
        return Ok(None);
    };
    if !replace && !is_empty_folder(target, &occupied) {
        return Err(CheckpointError::Exists { path: path() });
    }
    if !occupied.is_dir() {
        return Err(refuse("it is not a folder".to_owned()));
    }
    if target.file_name().is_none() {
        return Err(refuse("its path has no final component".to_owned()));
    }
    for entry in std::fs::read_dir(target).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        let is_file = entry.file_type().map_err(read)?.is_file();
        if !is_file || !OUTPUT_FILES.iter().any(|written| name == *written) {
            return Err(refuse(format!(
                "{name:?} in it was not written by a conversion"
            )));
        }
    }
    Ok(Some(occupied))
}

fn is_empty_folder(path: &Path, metadata: &Metadata) -> bool {
    let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    metadata.is_dir() && is_empty()
}

/// Lets two folders change places.
fn exchange(new: &Path, old: &Path) -> std::io::Result<()> {
    match swap(new, old) {
        Err(error) if cannot_swap(&error) => {}
        result => return result,
    }
    // In two steps, between which there is nothing at `old`; what was there has a name that shows it.
    let mut aside = old.as_os_str().to_owned();
    aside.push(".old");
    aside.push(new.file_name().unwrap_or_default());
    let aside = PathBuf::from(aside);
    std::fs::rename(old, &aside)?;
    if let Err(error) = std::fs::rename(new, old) {
        std::fs::rename(&aside, old)?;
        return Err(error);
    }
    // The new one is in place; where the old one ends up is of no weight any more.
    let _ = std::fs::rename(&aside, new);
    Ok(())
}

/// Whether the system or the file system has no such operation.
fn cannot_swap(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, Unsupported};
    matches!(error.kind(), InvalidInput | Unsupported)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn swap(new: &Path, old: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn swap(_new: &Path, _old: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// So that a crash after the rename loses nothing.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The system's error alone: `tempfile` adds the path of a temporary folder, which no longer exists.
fn without_temporary_name(error: std::io::Error) -> std::io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((message, _)) => std::io::Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}

fn write_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Write {
        path: path.to_path_buf(),
        source: source.into(),
    }
}
