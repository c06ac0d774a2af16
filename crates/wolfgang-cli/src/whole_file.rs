//! Files that are there as a whole or not at all.

use std::io::{Error, Write};
use std::path::Path;

/// What a file's permissions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Those of any file that a program makes.
    Usual,
    /// For its owner alone.
    Private,
}

/// Writes a temporary file beside `path` and renames it. Without `replace`, what is there is left alone, and an error.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access, replace: bool) -> Result<(), Error> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    if access == Access::Usual {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = access;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let mut file = builder
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

/// The system's error alone: `tempfile` adds the path of a temporary file, which no longer exists.
fn without_temporary_name(error: Error) -> Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((message, _)) => Error::new(error.kind(), message.to_owned()),
        None => error,
    }
}
