//! Reads the untrusted header of a GGUF file.

use crate::CheckpointError;
use std::fmt::Display;
use std::path::Path;

/// A position in the file. Lengths are compared with the rest of the file before they are used.
#[derive(Clone)]
pub(super) struct HeaderReader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> HeaderReader<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, at: 0 }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns the number of bytes read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Creates the error for an invalid `field`.
    pub(super) fn invalid(&self, field: &str, problem: impl Display) -> CheckpointError {
        CheckpointError::damaged(self.path, format!("{field:.100}: {problem}"))
    }

    /// Reads `len` bytes.
    pub(super) fn take(&mut self, len: u64, field: &str) -> Result<&'a [u8], CheckpointError> {
        let rest = &self.bytes[self.at..];
        let taken = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let taken = taken.ok_or_else(|| {
            let problem = format!("it needs {len} bytes, but {} follow", rest.len());
            self.invalid(field, problem)
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    /// Reads `N` bytes.
    pub(super) fn array<const N: usize>(
        &mut self,
        field: &str,
    ) -> Result<[u8; N], CheckpointError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, field)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32, CheckpointError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64, CheckpointError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Reads the number of items that follow, each of at least `min_len` bytes.
    pub(super) fn count(&mut self, min_len: u64, field: &str) -> Result<u64, CheckpointError> {
        let count = self.u64(field)?;
        let rest = (self.bytes.len() - self.at) as u64;
        if count > rest / min_len {
            let problem = format!("{count} items do not fit into the {rest} bytes that follow");
            return Err(self.invalid(field, problem));
        }
        Ok(count)
    }

    /// Reads a string: its length, then UTF-8.
    pub(super) fn string(&mut self, field: &str) -> Result<&'a str, CheckpointError> {
        let len = self.u64(field)?;
        let bytes = self.take(len, field)?;
        std::str::from_utf8(bytes).map_err(|error| self.invalid(field, error))
    }
}
