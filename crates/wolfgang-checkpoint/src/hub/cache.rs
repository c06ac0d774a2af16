//! The folder of a model in the cache that all tools of the Hub share.

use super::name::HubModel;
use crate::{CheckpointError, small_file};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// One repository in the cache.
///
/// `blobs` has the contents, named by ETag; `snapshots` has a folder of links to them for each
/// commit; `refs` has the commits of the revisions.
pub(super) struct CachedRepository {
    folder: PathBuf,
    revision: String,
}

impl CachedRepository {
    pub(super) fn new(cache: &Path, model: &HubModel) -> Self {
        let name = model.repository().replace('/', "--");
        Self {
            folder: cache.join(format!("models--{name}")),
            revision: model.revision().to_owned(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder with the files of a commit. `commit` must be valid (see [`is_commit`]).
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Returns the path of the content with an ETag, which must be a valid file name.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    fn reference(&self) -> PathBuf {
        self.folder.join("refs").join(&self.revision)
    }

    /// Returns the paths, within the repository, of the files of a commit that are in the cache.
    pub(super) fn names(&self, commit: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        add_names(&self.snapshot(commit), "", 0, &mut names);
        names
    }

    /// Returns the commit of the revision at the last download; `None` if there was none.
    pub(super) fn commit(&self) -> Result<Option<String>, CheckpointError> {
        /// Much longer than a commit.
        const MAX_BYTES: u64 = 1024;
        let path = self.reference();
        match small_file::read(&path, MAX_BYTES) {
            Ok(commit) => {
                let commit = String::from_utf8_lossy(&commit);
                if is_commit(commit.trim()) {
                    return Ok(Some(commit.trim().to_owned()));
                }
                let message = format!("it contains {commit:.80?}, expected a commit hash");
                Err(CheckpointError::damaged(path, message))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let is_cached = is_commit(&self.revision) && self.snapshot(&self.revision).is_dir();
                Ok(is_cached.then(|| self.revision.clone()))
            }
            Err(e) if e.kind() == ErrorKind::FileTooLarge => Err(CheckpointError::damaged(path, e)),
            Err(source) => Err(CheckpointError::read(path, source)),
        }
    }

    /// Stores the commit of the revision. Does nothing if it is stored already, or if the revision
    /// is itself a commit, for which other tools store nothing either.
    pub(super) fn set_commit(&self, commit: &str) -> Result<(), CheckpointError> {
        let is_stored = matches!(self.commit(), Ok(Some(stored)) if stored == commit);
        if is_stored || commit == self.revision {
            return Ok(());
        }
        let path = self.reference();
        write_atomically(&path, commit.as_bytes())
            .map_err(|source| CheckpointError::write(path, source))
    }
}

/// Whether `text` is the hash of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Writes a temporary file in the folder of `path` and renames it. Creates the folder.
fn write_atomically(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // By default, only the owner can access a temporary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Adds the names of the files in `folder` and its subfolders, each prefixed with `prefix`.
fn add_names(folder: &Path, prefix: &str, depth: usize, names: &mut BTreeSet<String>) {
    /// Deeper than any checkpoint.
    const MAX_DEPTH: usize = 8;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{prefix}{name}");
        // False for a link to a folder, which is ignored.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                add_names(&entry.path(), &format!("{name}/"), depth + 1, names);
            }
        } else if entry.path().is_file() {
            // False for a link to a blob that was removed.
            names.insert(name);
        }
    }
}

/// Creates the file `pointer` in a snapshot, a link to `blob`.
pub(super) fn link_blob(pointer: &Path, blob: &Path) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::write(pointer, source);
    if let Some(snapshot) = pointer.parent() {
        std::fs::create_dir_all(snapshot).map_err(failed)?;
    }
    remove(pointer)?;
    #[cfg(unix)]
    if let Some(repository) = blob.ancestors().nth(2)
        && let (Ok(pointer), Ok(blob)) = (
            pointer.strip_prefix(repository),
            blob.strip_prefix(repository),
        )
    {
        // Relative to the folder of the pointer, so that the cache can be moved.
        let up: PathBuf = pointer.components().skip(1).map(|_| "..").collect();
        std::os::unix::fs::symlink(up.join(blob), repository.join(pointer)).map_err(failed)?;
    }
    // Where links may require a privilege, the blob is moved.
    #[cfg(not(unix))]
    std::fs::rename(blob, pointer).map_err(failed)?;
    Ok(())
}

/// Whether `path` is a file, or a link to one, of this length.
pub(super) fn has_len(path: &Path, len: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == len)
}

/// Removes a file or a link, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), CheckpointError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(CheckpointError::write(path, e)),
        _ => Ok(()),
    }
}
