//! A folder that is made aside and put into its place in one step.

use crate::CheckpointError;
use crate::layout::WRITTEN;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary folder on the file system of its target, removed again unless it is put into place.
pub(crate) struct Scratch {
    folder: TempDir,
    target: PathBuf,
}

impl Scratch {
    /// An empty one for `target`, where there must be nothing or, with `replace`, only what conversions write.
    pub(crate) fn beside(target: &Path, replace: bool) -> Result<Self, CheckpointError> {
        if target.symlink_metadata().is_ok() {
            if !replace {
                return Err(CheckpointError::Exists {
                    path: target.to_path_buf(),
                });
            }
            check_replaceable(target)?;
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".wolfgang-");
        // Temporary folders are private by default; this one becomes an ordinary one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let folder = builder
            .tempdir_in(parent(target))
            .map_err(|source| write_error(target, source))?;
        Ok(Self {
            folder,
            target: target.to_path_buf(),
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
    pub(crate) fn put_into_place(self) -> Result<(), CheckpointError> {
        let failed = |source| write_error(&self.target, source);
        for entry in std::fs::read_dir(self.path()).map_err(failed)? {
            let file = entry.and_then(|entry| File::open(entry.path()));
            file.and_then(|file| file.sync_all()).map_err(failed)?;
        }
        if self.target.symlink_metadata().is_ok() {
            check_replaceable(&self.target)?;
            // What was there lies in the temporary folder now, and goes with it.
            exchange(self.path(), &self.target).map_err(failed)?;
        } else {
            std::fs::rename(self.path(), &self.target).map_err(failed)?;
            // It lies at its place now; nothing is left to clean up.
            let _ = self.folder.keep();
        }
        sync_folder(parent(&self.target)).map_err(failed)
    }
}

/// Refuses to replace what a conversion did not write.
fn check_replaceable(target: &Path) -> Result<(), CheckpointError> {
    let refuse = |found: String| CheckpointError::NotReplaced {
        path: target.to_path_buf(),
        found,
    };
    let read = |source| CheckpointError::Read {
        path: target.to_path_buf(),
        source,
    };
    if !target.symlink_metadata().map_err(read)?.is_dir() {
        return Err(refuse("it is no folder".to_owned()));
    }
    for entry in std::fs::read_dir(target).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        if !WRITTEN.iter().any(|ours| name == *ours) {
            return Err(refuse(format!(
                "{name:?} in it was not written by a conversion"
            )));
        }
    }
    Ok(())
}

/// Lets two folders change places.
fn exchange(new: &Path, old: &Path) -> std::io::Result<()> {
    if swap(new, old).is_ok() {
        return Ok(());
    }
    // Not every file system can do it in one step. In two, there is nothing at `old` for a moment.
    let aside = new.with_extension("old");
    std::fs::rename(old, &aside)?;
    if let Err(error) = std::fs::rename(new, old) {
        std::fs::rename(&aside, old)?;
        return Err(error);
    }
    std::fs::rename(&aside, new)
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

fn write_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Write {
        path: path.to_path_buf(),
        source: source.into(),
    }
}
