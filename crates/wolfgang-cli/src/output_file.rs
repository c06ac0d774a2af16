//! Output files: written atomically, and not over existing files unless asked for.

use crate::error::OutputError;
use std::io::{Error, Write};
use std::path::Path;
use tempfile::Builder;

/// Permissions of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// By the process's umask, as usual.
    Default,
    /// For the owner only.
    Private,
}

/// Checks whether the file may be written, before there is anything to write.
pub(crate) fn check(path: &Path, force: bool) -> Result<(), OutputError> {
    if path.is_dir() {
        return Err(OutputError::IsFolder(path.to_owned()));
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(OutputError::Exists(path.to_owned()));
    }
    Ok(())
}

/// Writes a temporary file next to `path` and renames it. Without `replace`, an existing file is an
/// error and is left unchanged.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access, replace: bool) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut file = builder(access)
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(without_temporary_name)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    match replace {
        true => file.persist(path)?,
        false => file.persist_noclobber(path)?,
    };
    Ok(())
}

/// The error of the system without the path of the temporary file, which no longer exists.
fn without_temporary_name(error: Error) -> Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((message, _)) => Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}

/// `tempfile` creates files for their owner only.
#[cfg(unix)]
fn builder(access: Access) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    if access == Access::Default {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    builder
}

#[cfg(not(unix))]
fn builder(_: Access) -> Builder<'static, 'static> {
    Builder::new()
}
