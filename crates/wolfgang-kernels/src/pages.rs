//! Memory on huge pages.
//!
//! Decoding reads every weight once per token. With pages of 4 KB, address translation costs a
//! considerable part of the memory bandwidth, so weights are on pages of 2 MB if the system
//! provides them. All matrices share one allocation: separate ones would each waste part of a page.

use crate::KernelError;
use crate::simd::CACHE_LINE;
use memmap2::MmapMut;
use std::ops::Range;

/// Size of a huge page in bytes.
const PAGE: usize = 2 << 20;

/// One allocation on huge pages, of which parts are taken from the beginning on.
#[derive(Debug)]
pub(crate) struct HugePageArena {
    map: MmapMut,
    start: usize,
    len: usize,
    /// Size of the parts taken so far.
    taken: usize,
}

/// The size that a part of `bytes` bytes occupies.
pub(crate) fn aligned_len(bytes: usize) -> usize {
    bytes.next_multiple_of(CACHE_LINE)
}

impl HugePageArena {
    /// Allocates `bytes` bytes.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub(crate) fn new(bytes: usize) -> Result<Self, KernelError> {
        let map = bytes.checked_add(PAGE).map(MmapMut::map_anon);
        let Some(Ok(map)) = map else {
            return Err(KernelError::NoMemory { bytes });
        };
        // A system that ignores this advice is only slower.
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

    /// Takes the next `bytes` bytes and returns their range; `None` if fewer are left.
    pub(crate) fn alloc(&mut self, bytes: usize) -> Option<Range<usize>> {
        let range = self.taken..self.taken + bytes;
        self.taken = self.taken.checked_add(aligned_len(bytes))?;
        (self.taken <= self.len).then_some(range)
    }

    pub(crate) fn get(&self, range: &Range<usize>) -> &[u8] {
        &self.map[self.start + range.start..self.start + range.end]
    }

    pub(crate) fn get_mut(&mut self, range: &Range<usize>) -> &mut [u8] {
        &mut self.map[self.start + range.start..self.start + range.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_aligned_to_cache_lines_and_stay_within_the_allocation() {
        let mut pages = HugePageArena::new(aligned_len(100) + 64).unwrap();
        let first = pages.alloc(100).unwrap();
        let second = pages.alloc(64).unwrap();
        pages.get_mut(&first).fill(1);
        assert_eq!(pages.get(&second), [0; 64]);
        assert_eq!(pages.get(&second).as_ptr() as usize % CACHE_LINE, 0);
        assert!(pages.alloc(1).is_none());
        assert!(matches!(
            HugePageArena::new(usize::MAX / 2),
            Err(KernelError::NoMemory { .. })
        ));
    }
}
