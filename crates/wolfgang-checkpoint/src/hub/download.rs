//! Download of one file into the cache.

use super::cache::{CachedRepository, has_len, link_blob, remove};
use super::client::{Client, RemoteFile};
use super::retry::{MAX_ATTEMPTS, pause};
use crate::{CheckpointError, Phase, Progress};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

/// An attempt that downloads fewer bytes counts as stalled.
const MIN_PROGRESS_BYTES: u64 = 64 << 10;

/// Downloads `file` of a commit into the cache, unless it is there with the announced size.
pub(super) fn download(
    client: &Client<'_>,
    cache: &CachedRepository,
    commit: &str,
    file: &str,
    progress: &mut dyn Progress,
) -> Result<(), CheckpointError> {
    let remote = client.remote(commit, file)?;
    let pointer = cache.snapshot(commit).join(file);
    if has_len(&pointer, remote.size) {
        return Ok(());
    }
    let blob = cache.blob(&remote.etag);
    if let Some(blobs) = blob.parent() {
        std::fs::create_dir_all(blobs).map_err(|e| CheckpointError::write(blobs, e))?;
    }
    // Held until the end of the function. Another process may complete the file meanwhile.
    let _lock = lock(&blob.with_extension("lock"))?;
    if has_len(&pointer, remote.size) {
        return Ok(());
    }
    if !has_len(&blob, remote.size) {
        // A blob of another size is invalid.
        remove(&blob)?;
        let part = blob.with_extension("part");
        fetch(client, &remote, file, &part, progress)?;
        std::fs::rename(&part, &blob).map_err(|e| CheckpointError::write(&blob, e))?;
    }
    link_blob(&pointer, &blob)
}

fn lock(path: &Path) -> Result<File, CheckpointError> {
    let locked = File::create(path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|e| CheckpointError::write(path, e))
}

/// Why an attempt failed.
enum FailureKind {
    /// Another attempt may succeed, after the pause that the server asks for, if any.
    Retryable {
        source: Box<dyn std::error::Error + Send + Sync>,
        retry_after: Option<Duration>,
    },
    /// Another attempt would fail, too.
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

/// Downloads a file to `part`, and resumes an earlier download.
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
        part: opened.map_err(|e| CheckpointError::write(part, e))?,
        path: part,
        reached: 0,
        reported: 0,
        progress,
    };
    let phase = Phase::Download {
        file: file.to_owned(),
    };
    transfer.progress.begin(phase, remote.size);
    transfer.reached = transfer.part_len()?;
    if transfer.reached >= remote.size {
        // A valid complete file would have been renamed.
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
        if stalled_attempts == MAX_ATTEMPTS {
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
    transfer
        .part
        .sync_all()
        .map_err(|e| CheckpointError::write(part, e))?;
    transfer.progress.end();
    Ok(())
}

/// A download in progress.
struct Transfer<'a> {
    client: &'a Client<'a>,
    remote: &'a RemoteFile,
    file: &'a str,
    part: File,
    path: &'a Path,
    /// Size of the partial file.
    reached: u64,
    /// Number of bytes reported to `progress`.
    reported: u64,
    progress: &'a mut dyn Progress,
}

impl Transfer<'_> {
    /// Makes one attempt.
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
                // The server ignored the range and sends the whole file.
                self.start_over()?;
                if let Some(whole) = response.length.filter(|&whole| whole != size) {
                    return Err(self.wrong_size(whole).into());
                }
            }
            // The range begins at or after the end of the file.
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
            written.map_err(|e| CheckpointError::write(self.path, e))?;
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
            .map_err(|e| CheckpointError::write(self.path, e))?;
        self.reached = 0;
        Ok(())
    }

    fn part_len(&self) -> Result<u64, CheckpointError> {
        let metadata = self.part.metadata();
        Ok(metadata
            .map_err(|e| CheckpointError::write(self.path, e))?
            .len())
    }

    /// Reports new bytes to `progress`. Bytes that are downloaded again are not reported.
    fn report(&mut self) {
        if let Some(new @ 1..) = self.reached.checked_sub(self.reported) {
            self.progress.advance(new);
            self.reported = self.reached;
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
