//! Files in memory, read as they are used.

use burn::tensor::{AllocationProperty, Bytes};
use std::fs::File;
use std::path::Path;

/// Maps the file at `path`.
pub(crate) fn map(path: &Path) -> std::io::Result<Bytes> {
    // A pipe would keep us waiting for whoever writes to it.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let file = File::open(path)?;
    // SAFETY: a mapping is sound as long as nobody shortens or overwrites the file while it is in use. Conversions write
    // beside and rename, and a model copies what it takes, so that use ends with the loading.
    #[expect(unsafe_code)]
    let map = unsafe { memmap2::Mmap::map(&file)? };
    Ok(Bytes::from_shared(
        bytes::Bytes::from_owner(map),
        AllocationProperty::File,
    ))
}
