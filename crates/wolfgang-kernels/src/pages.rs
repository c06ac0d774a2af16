//! Memory on large pages.
//!
//! Decoding reads every weight once per token, and with 4 KB pages the address translation alone costs a good part of
//! the memory's speed. So the weights lie on 2 MB pages where the system gives them, and one behind the other, for
//! every piece of its own would leave part of its last page empty.

use crate::KernelError;
use memmap2::MmapMut;
use std::ops::Range;

/// The size of a large page.
const PAGE: usize = 2 << 20;

/// Every piece begins with a cache line.
const LINE: usize = 64;

/// Memory in one piece, handed out from its beginning.
#[derive(Debug)]
pub(crate) struct HugePageArena {
    map: MmapMut,
    start: usize,
    len: usize,
    taken: usize,
}

/// How much of the memory a piece of so many bytes takes.
pub(crate) fn aligned_len(bytes: usize) -> usize {
    bytes.next_multiple_of(LINE)
}

impl HugePageArena {
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub(crate) fn new(bytes: usize) -> Result<Self, KernelError> {
        let map = bytes.checked_add(PAGE).map(MmapMut::map_anon);
        let Some(Ok(map)) = map else {
            return Err(KernelError::NoMemory { bytes });
        };
        // Advice only: where it is ignored, nothing but speed is lost.
        #[cfg(all(target_os = "linux", not(miri)))]
        let _ = map.advise(memmap2::Advice::HugePage);
        let start = map.as_ptr().align_offset(PAGE);
        Ok(Self {
            map,
            start,
            len: bytes,
            taken: 0,
        })
    }

    /// The place of the next piece, if there is room for it.
    pub(crate) fn alloc(&mut self, bytes: usize) -> Option<Range<usize>> {
        let place = self.taken..self.taken + bytes;
        self.taken = self.taken.checked_add(aligned_len(bytes))?;
        (self.taken <= self.len).then_some(place)
    }

    pub(crate) fn get(&self, place: &Range<usize>) -> &[u8] {
        &self.map[self.start + place.start..self.start + place.end]
    }

    pub(crate) fn get_mut(&mut self, place: &Range<usize>) -> &mut [u8] {
        &mut self.map[self.start + place.start..self.start + place.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_with_a_cache_line_and_end_with_the_memory() {
        let mut pages = HugePageArena::new(aligned_len(100) + 64).unwrap();
        let first = pages.alloc(100).unwrap();
        let second = pages.alloc(64).unwrap();
        pages.get_mut(&first).fill(1);
        assert_eq!(pages.get(&second), [0; 64]);
        assert_eq!(pages.get(&second).as_ptr() as usize % LINE, 0);
        assert!(pages.alloc(1).is_none());
        assert!(matches!(
            HugePageArena::new(usize::MAX / 2),
            Err(KernelError::NoMemory { .. })
        ));
    }
}
