//! A model's place in the cache that all tools of the Hub share.

use super::HubModel;
use crate::CheckpointError;
use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// One repository in the cache: `blobs` by content, `snapshots` that point to them by name, `refs` to snapshots.
pub(super) struct CachedRepository {
    folder: PathBuf,
    revision: String,
    layout: CacheRepo,
}

impl CachedRepository {
    pub(super) fn new(cache: &Path, model: &HubModel) -> Self {
        let repository = model.repository().to_owned();
        let revision = model.revision().to_owned();
        let repo = Repo::with_revision(repository, RepoType::Model, revision.clone());
        Self {
            folder: cache.join(repo.folder_name()),
            revision,
            layout: Cache::new(cache.to_path_buf()).repo(repo),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder with one commit's files. `commit` is one, as [`is_commit`] has it.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout.pointer_path(commit)
    }

    /// The content with this `etag`, a plain name.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.layout.blob_path(etag)
    }

    /// The names of the files that are there of a commit, those in folders with their path.
    pub(super) fn names(&self, commit: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        add_names(&self.snapshot(commit), "", 0, &mut names);
        names
    }

    /// The commit that the revision was when it was last asked for, or that it is itself.
    pub(super) fn commit(&self) -> Result<Option<String>, CheckpointError> {
        let path = self.folder.join("refs").join(&self.revision);
        let mut commit = String::new();
        match std::fs::File::open(&path).and_then(|file| {
            // Longer than any commit, and not a large file.
            file.take(1024).read_to_string(&mut commit)
        }) {
            Ok(_) if is_commit(commit.trim()) => Ok(Some(commit.trim().to_owned())),
            Ok(_) => Err(CheckpointError::Damaged {
                path,
                source: format!("it contains {commit:.80?}, expected a commit hash").into(),
            }),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let itself = is_commit(&self.revision) && self.snapshot(&self.revision).is_dir();
                Ok(itself.then(|| self.revision.clone()))
            }
            Err(source) => Err(CheckpointError::Read { path, source }),
        }
    }

    /// Keeps which commit the revision is.
    pub(super) fn set_commit(&self, commit: &str) -> Result<(), CheckpointError> {
        // A commit is itself; other tools keep nothing for it either. And what is complete is only read.
        let known = matches!(self.commit(), Ok(Some(known)) if known == commit);
        if known || commit == self.revision {
            return Ok(());
        }
        self.layout
            .create_ref(commit)
            .map_err(|e| write_error(&self.folder.join("refs").join(&self.revision), e))
    }
}

/// Whether this is a commit's hash, as the Hub has them.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Adds the names of the files in `folder`, each prefixed with `prefix`.
fn add_names(folder: &Path, prefix: &str, depth: usize, names: &mut BTreeSet<String>) {
    /// Deeper than any checkpoint lies.
    const MAX_DEPTH: usize = 8;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{prefix}{name}");
        // A link to a folder is none of ours.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                add_names(&entry.path(), &format!("{name}/"), depth + 1, names);
            }
        } else if entry.path().is_file() {
            // Not those that point to a blob that is gone.
            names.insert(name);
        }
    }
}

/// Puts `blob` into a snapshot under the name `pointer`. Both lie as [`CachedRepository`] has them.
pub(super) fn link_blob(pointer: &Path, blob: &Path) -> Result<(), CheckpointError> {
    let failed = |e| write_error(pointer, e);
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
        // From snapshots/COMMIT/NAME; relative, so that the cache can be moved.
        let up: PathBuf = pointer.components().skip(1).map(|_| "..").collect();
        std::os::unix::fs::symlink(up.join(blob), repository.join(pointer)).map_err(failed)?;
    }
    // Where links are a privilege, the file itself lies there.
    #[cfg(not(unix))]
    std::fs::rename(blob, pointer).map_err(failed)?;
    Ok(())
}

/// Whether a file is there, behind a link or not, and has this length.
pub(super) fn has_len(path: &Path, len: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == len)
}

/// Removes a file or a link, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), CheckpointError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(write_error(path, e)),
        _ => Ok(()),
    }
}

pub(super) fn write_error(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::Write {
        path: path.to_path_buf(),
        source: source.into(),
    }
}
