//! Reads the bytes of a pickle.

use super::error::{PickleError, Result};
use super::limits::MAX_NAME;

/// The part of a pickle that has not been read.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let split = self.rest.split_first_chunk();
        let (array, rest) = split.ok_or(PickleError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    /// Reads an unsigned little-endian integer of `N` bytes.
    pub(super) fn uint<const N: usize>(&mut self) -> Result<usize> {
        let mut padded = [0; 8];
        padded[..N].copy_from_slice(&self.array::<N>()?);
        usize::try_from(u64::from_le_bytes(padded)).map_err(|_| PickleError::Malformed)
    }

    /// Reads a length of `N` bytes and then as many bytes.
    pub(super) fn sized<const N: usize>(&mut self) -> Result<&'a [u8]> {
        let len = self.uint::<N>()?;
        let split = self.rest.split_at_checked(len);
        let (bytes, rest) = split.ok_or(PickleError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads the rest of a line of text, at most [`MAX_NAME`] bytes.
    pub(super) fn line(&mut self) -> Result<&'a str> {
        let searched = &self.rest[..self.rest.len().min(MAX_NAME + 1)];
        let len = searched.iter().position(|byte| *byte == b'\n');
        let len = len.ok_or(PickleError::Malformed)?;
        let line = std::str::from_utf8(&self.rest[..len]);
        self.rest = &self.rest[len + 1..];
        line.map_err(|_| PickleError::Malformed)
    }
}
