//! Memory-mapped files.

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
        // Opening a pipe would block.
        if !path.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a regular file"));
        }
        let file = File::open(path)?;
        // SAFETY: a mapping is sound as long as the file is not truncated or overwritten while it
        // is in use; README.md states this requirement. Conversions write a new file and rename
        // it, and a model copies its weights, so that the mapping is in use only while loading.
        #[expect(unsafe_code)]
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(Arc::new(map)))
    }

    /// Returns the whole file. The bytes keep the mapping alive.
    pub(crate) fn bytes(&self) -> Bytes {
        let shared = bytes::Bytes::from_owner(self.clone());
        Bytes::from_shared(shared, AllocationProperty::File)
    }

    /// Releases the pages that were read, which count as memory of this process. Reading them again
    /// gets them from the page cache of the system.
    pub(crate) fn release(&self) {
        // SAFETY: released pages of a read-only file mapping are read from the file again at the
        // next access. An error can be ignored: the memory then only stays in use.
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

/// Releases the pages of files when it is dropped.
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
    fn released_pages_are_read_again_with_the_same_contents() {
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
