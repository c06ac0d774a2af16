//! One file's way from the Hub into the cache.

use super::cache::{CachedRepository, has_len, link_blob, remove, write_error};
use super::client::{Client, RemoteFile};
use super::retry::{ATTEMPTS, pause};
use crate::{CheckpointError, Phase, Progress};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

/// A try that brings less brings next to nothing.
const MIN_PROGRESS_BYTES: u64 = 64 << 10;

/// Sees to it that `file` of this commit is in the cache, complete.
pub(super) fn download(
    client: &Client<'_>,
    cache: &CachedRepository,
    commit: &str,
    file: &str,
    progress: &mut dyn Progress,
) -> Result<(), CheckpointError> {
    let remote = client.remote(file)?;
    let pointer = cache.snapshot(commit).join(file);
    if has_len(&pointer, remote.size) {
        return Ok(());
    }
    let blob = cache.blob(&remote.etag);
    if let Some(blobs) = blob.parent() {
        std::fs::create_dir_all(blobs).map_err(|e| write_error(blobs, e))?;
    }
    // Held until it goes out of scope. Whoever comes second finds the file complete, and may be reading it already.
    let _lock = lock(&blob.with_extension("lock"))?;
    if has_len(&pointer, remote.size) {
        return Ok(());
    }
    if !has_len(&blob, remote.size) {
        // Of another length than announced: never complete, whoever put it there.
        remove(&blob)?;
        let part = blob.with_extension("part");
        fetch(client, &remote, file, &part, progress)?;
        std::fs::rename(&part, &blob).map_err(|e| write_error(&blob, e))?;
    }
    link_blob(&pointer, &blob)
}

fn lock(path: &Path) -> Result<File, CheckpointError> {
    let locked = File::create(path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|e| write_error(path, e))
}

/// Why a try ended before the file did.
enum FailureKind {
    /// Another try may fetch the rest, after the pause that the server asked for, if it did.
    Retryable {
        source: Box<dyn std::error::Error + Send + Sync>,
        retry_after: Option<Duration>,
    },
    /// No other try will.
    Fatal(CheckpointError),
}

impl FailureKind {
    fn retryable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Retryable {
            source: source.into(),
            retry_after: None,
        }
    }
}

impl From<CheckpointError> for FailureKind {
    fn from(error: CheckpointError) -> Self {
        Self::Fatal(error)
    }
}

/// Fills `part`, from where an earlier download left it.
fn fetch(
    client: &Client<'_>,
    remote: &RemoteFile,
    file: &str,
    part: &Path,
    progress: &mut dyn Progress,
) -> Result<(), CheckpointError> {
    let mut options = OpenOptions::new();
    let opened = options.create(true).append(true).open(part);
    let mut transfer = Transfer {
        client,
        remote,
        file,
        part: opened.map_err(|e| write_error(part, e))?,
        path: part,
        reached: 0,
        told: 0,
        progress,
    };
    let phase = Phase::Download {
        file: file.to_owned(),
    };
    transfer.progress.begin(phase, remote.size);
    transfer.reached = transfer.part_len()?;
    if transfer.reached >= remote.size {
        // It would have been moved to its place, were it right.
        transfer.start_over()?;
    }
    transfer.report();
    let (mut most, mut stalled_attempts) = (transfer.reached, 0);
    loop {
        let (source, retry_after) = match transfer.run() {
            Ok(()) => break,
            Err(FailureKind::Fatal(error)) => {
                if matches!(error, CheckpointError::HubSize { .. }) {
                    remove(part)?;
                }
                return Err(error);
            }
            Err(FailureKind::Retryable {
                source,
                retry_after,
            }) => (source, retry_after),
        };
        stalled_attempts = if transfer.reached >= most + MIN_PROGRESS_BYTES {
            0
        } else {
            stalled_attempts + 1
        };
        most = most.max(transfer.reached);
        if stalled_attempts == ATTEMPTS {
            return Err(CheckpointError::HubInterrupted {
                file: file.to_owned(),
                found: transfer.reached,
                expected: remote.size,
                source,
            });
        }
        let pause = pause(stalled_attempts.saturating_sub(1), retry_after);
        client.clock.sleep(pause);
    }
    transfer.part.sync_all().map_err(|e| write_error(part, e))?;
    transfer.progress.end();
    Ok(())
}

/// A file on its way.
struct Transfer<'a> {
    client: &'a Client<'a>,
    remote: &'a RemoteFile,
    file: &'a str,
    part: File,
    path: &'a Path,
    /// How many bytes are there.
    reached: u64,
    /// How many of them the progress knows of.
    told: u64,
    progress: &'a mut dyn Progress,
}

impl Transfer<'_> {
    /// One try.
    fn run(&mut self) -> Result<(), FailureKind> {
        let size = self.remote.size;
        let response = self.client.content(self.remote, self.reached);
        let mut response = response.map_err(FailureKind::retryable)?;
        match response.status {
            206 => {
                let (start, whole) = response
                    .range
                    .ok_or_else(|| self.unexpected("no Content-Range"))?;
                if whole != size {
                    return Err(self.wrong_size(whole).into());
                }
                if start != self.reached {
                    return Err(self.unexpected("a range that was not requested").into());
                }
            }
            200 => {
                // It cannot send parts, and begins again.
                self.start_over()?;
                if let Some(whole) = response.length.filter(|&whole| whole != size) {
                    return Err(self.wrong_size(whole).into());
                }
            }
            // There is nothing from here on.
            416 => return Err(self.wrong_size(self.reached).into()),
            // Too many requests or a server error: both are temporary.
            status @ (429 | 500..) => {
                return Err(FailureKind::Retryable {
                    source: format!("it responded with HTTP status {status}").into(),
                    retry_after: response.retry_after,
                });
            }
            _ => self.client.check(&response, self.file)?,
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match response.body.read(&mut buffer) {
                Ok(read) => read,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(FailureKind::retryable(e)),
            };
            if read == 0 {
                break;
            }
            self.reached += read as u64;
            if self.reached > size {
                return Err(self.wrong_size(self.reached).into());
            }
            let written = self.part.write_all(&buffer[..read]);
            written.map_err(|e| write_error(self.path, e))?;
            self.report();
        }
        if self.reached == size {
            Ok(())
        } else {
            Err(self.wrong_size(self.reached).into())
        }
    }

    fn start_over(&mut self) -> Result<(), CheckpointError> {
        self.part
            .set_len(0)
            .map_err(|e| write_error(self.path, e))?;
        self.reached = 0;
        Ok(())
    }

    fn part_len(&self) -> Result<u64, CheckpointError> {
        let metadata = self.part.metadata();
        Ok(metadata.map_err(|e| write_error(self.path, e))?.len())
    }

    /// Tells the progress of new bytes. Those that came twice are not new.
    fn report(&mut self) {
        if let Some(new @ 1..) = self.reached.checked_sub(self.told) {
            self.progress.advance(new);
            self.told = self.reached;
        }
    }

    fn unexpected(&self, found: &str) -> CheckpointError {
        self.client.unexpected(self.file, found.to_owned())
    }

    fn wrong_size(&self, found: u64) -> CheckpointError {
        CheckpointError::HubSize {
            file: self.file.to_owned(),
            found,
            expected: self.remote.size,
        }
    }
}
