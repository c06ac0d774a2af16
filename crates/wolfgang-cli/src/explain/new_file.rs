//! A file that is there as a whole or not at all.

use anyhow::{Context, ensure};
use std::io::Write;
use std::path::Path;

/// Before there is anything to write: whether it may be written.
pub(crate) fn check(path: &Path, force: bool) -> anyhow::Result<()> {
    let name = path.display();
    ensure!(!path.is_dir(), "{name} is a folder");
    ensure!(
        force || path.symlink_metadata().is_err(),
        "{name} is there already; choose another name, or replace it by --force"
    );
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
