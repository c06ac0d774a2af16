//! A mutable slice that several threads write to.

use std::marker::PhantomData;
use std::ops::Range;

/// A mutable slice of which several threads write disjoint parts.
pub(crate) struct DisjointSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it returns parts of a mutable slice, which may be sent to another thread if `T` may. The
// callers of `part` guarantee that the parts are disjoint.
unsafe impl<T: Send> Send for DisjointSlice<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for DisjointSlice<'_, T> {}

impl<'a, T> DisjointSlice<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrow: PhantomData,
        }
    }

    /// Returns a part of the slice.
    ///
    /// # Safety
    /// While the part is in use, no other part that overlaps with it may be.
    ///
    /// # Panics
    /// If the range is not within the slice.
    #[expect(
        clippy::mut_from_ref,
        reason = "the caller guarantees that parts are disjoint"
    )]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: the range is within the slice, which is borrowed for the lifetime of this value,
        // and no overlapping part is in use.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
