//! Atomic creation and replacement of a folder.

use crate::CheckpointError;
use crate::file_names::OUTPUT_FILES;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary folder in the parent folder of its target. It is removed unless it is committed.
pub(crate) struct StagingDir {
    folder: TempDir,
    target: PathBuf,
    replace: bool,
}

impl StagingDir {
    /// Creates an empty staging folder for `target`.
    ///
    /// The target must not exist, be an empty folder, or, with `replace`, contain only files that
    /// conversions write.
    pub(crate) fn new_sibling(target: &Path, replace: bool) -> Result<Self, CheckpointError> {
        let occupied = check_target(target, replace)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".wolfgang-");
        // By default, only the owner can access a temporary folder.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let failed = |source| CheckpointError::write(target, source);
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

    /// Returns the path of the temporary folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of the target.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Writes a file in the folder.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> Result<(), CheckpointError> {
        std::fs::write(self.path().join(name), contents).map_err(|e| self.write_error(name, e))
    }

    /// Writes a file in the folder with the contents of `from`.
    pub(crate) fn copy(&self, name: &str, mut from: File) -> Result<(), CheckpointError> {
        File::create(self.path().join(name))
            .and_then(|mut to| std::io::copy(&mut from, &mut to))
            .map(drop)
            .map_err(|e| self.write_error(name, e))
    }

    /// Creates the error for a file that could not be written. It shows the path in the target.
    pub(crate) fn write_error(
        &self,
        name: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CheckpointError {
        CheckpointError::write(self.target.join(name), source)
    }

    /// Flushes all files to the disk and renames the folder to the target.
    pub(crate) fn commit(self) -> Result<(), CheckpointError> {
        let failed = |source| CheckpointError::write(&self.target, source);
        for entry in std::fs::read_dir(self.path()).map_err(failed)? {
            let file = entry.and_then(|entry| File::options().write(true).open(entry.path()));
            file.and_then(|file| file.sync_all()).map_err(failed)?;
        }
        sync_folder(self.path()).map_err(failed)?;
        if check_target(&self.target, self.replace)?.is_some() {
            // The temporary folder then has the old contents, and is removed with them.
            exchange(self.path(), &self.target).map_err(failed)?;
        } else {
            std::fs::rename(self.path(), &self.target).map_err(failed)?;
            // Nothing is left to remove.
            let _ = self.folder.keep();
        }
        // The new model is in place. An error here means only that a power failure may undo that.
        let _ = sync_folder(parent(&self.target));
        Ok(())
    }
}

/// Returns the metadata of `target`, or `None` if it does not exist.
///
/// # Errors
/// [`CheckpointError::Exists`] and [`CheckpointError::NotReplaced`] if it must not be replaced: it
/// is neither an empty folder nor, with `replace`, a folder with only files that conversions write.
fn check_target(target: &Path, replace: bool) -> Result<Option<Metadata>, CheckpointError> {
    let read = |source| CheckpointError::read(target, source);
    let refuse = |found: String| CheckpointError::NotReplaced {
        path: target.to_path_buf(),
        found,
    };
    let Ok(occupied) = target.symlink_metadata() else {
        return Ok(None);
    };
    if !replace && !is_empty_folder(target, &occupied) {
        return Err(CheckpointError::Exists {
            path: target.to_path_buf(),
        });
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

/// Exchanges two folders, in one step if the file system supports it.
fn exchange(new: &Path, old: &Path) -> std::io::Result<()> {
    match swap(new, old) {
        Err(error) if is_swap_unsupported(&error) => {}
        result => return result,
    }
    // In two steps. Between them, `old` does not exist, and its contents are in a folder with
    // `.old` in its name.
    let mut aside = old.as_os_str().to_owned();
    aside.push(".old");
    aside.push(new.file_name().unwrap_or_default());
    let aside = PathBuf::from(aside);
    std::fs::rename(old, &aside)?;
    if let Err(error) = std::fs::rename(new, old) {
        std::fs::rename(&aside, old)?;
        return Err(error);
    }
    // The new folder is in place. If this fails, the old one stays under its temporary name.
    let _ = std::fs::rename(&aside, new);
    Ok(())
}

fn is_swap_unsupported(error: &std::io::Error) -> bool {
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

/// Flushes the entries of a folder to the disk, so that a crash cannot undo a rename.
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

/// Removes the path of the temporary folder, which `tempfile` adds, from an error of the system.
fn without_temporary_name(error: std::io::Error) -> std::io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((message, _)) => std::io::Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}
