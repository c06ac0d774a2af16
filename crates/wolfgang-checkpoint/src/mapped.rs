//! Files in memory, read as they are used.

use burn::tensor::{AllocationProperty, Bytes};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A mapped file.
#[derive(Clone, Debug)]
pub(crate) struct Mapped(Arc<Mmap>);

impl Mapped {
    /// Maps the file at `path`.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        // A pipe would keep us waiting for whoever writes to it.
        if !path.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: a mapping is sound as long as nobody shortens or overwrites the file while it is in use. Conversions
        // write beside and rename, and a model copies what it takes, so that use ends with the loading.
        #[expect(unsafe_code)]
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(Arc::new(map)))
    }

    /// All of the file; the mapping lives as long as this does.
    pub(crate) fn bytes(&self) -> Bytes {
        let shared = bytes::Bytes::from_owner(self.clone());
        Bytes::from_shared(shared, AllocationProperty::File)
    }

    /// Takes the pages read so far from this process: they count as its memory. Who reads them again gets them from the
    /// system's cache.
    pub(crate) fn release(&self) {
        // SAFETY: of a file that is mapped to be read, pages that were taken away come back with the same contents.
        // It is advice only: where it is not followed, nothing is lost but memory.
        #[cfg(unix)]
        #[expect(unsafe_code)]
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Releases the pages of files when something in them has been read.
#[derive(Debug)]
pub(crate) struct ReleaseOnDrop<'a>(pub(crate) &'a [Mapped]);

impl Drop for ReleaseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(Mapped::release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_released_reads_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        let map = Mapped::open(&path).unwrap();
        let bytes = map.bytes();
        for _ in 0..2 {
            assert_eq!(bytes[..], contents[..]);
            drop(ReleaseOnDrop(std::slice::from_ref(&map)));
        }
        assert!(Mapped::open(folder.path()).is_err());
    }
}
