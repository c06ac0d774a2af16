//! Memory for the pages of KV caches.
//!
//! They are parts of slabs, which are on huge pages of 2 MB under Linux. On system pages of 4 KB,
//! address translation would cost attention a considerable part of the memory bandwidth.

use super::{CacheFormat, PageLayout};
use crate::KernelError;
use crate::pages::HugePageArena;
use crate::simd::Vec16;
use bytemuck::Zeroable;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Size of a slab in bytes, unless a page is larger. The system provides memory only for the huge
/// pages that have been written. Miri would initialise all of it.
const SLAB_BYTES: usize = if cfg!(miri) { 64 << 10 } else { 8 << 20 };

/// Memory for the KV caches of one shape.
///
/// Clones share the memory. It is returned to the system in slabs of 8 MB, or of one page if that is
/// larger, when none of their pages is in use.
#[derive(Clone, Debug)]
pub struct PagePool {
    pub(super) format: CacheFormat,
    pub(super) heads: usize,
    pub(super) layout: PageLayout,
    slabs: Arc<Mutex<Vec<Weak<Slab>>>>,
}

impl PagePool {
    /// Creates a pool for caches of `heads` key and value heads. Nothing is allocated.
    pub fn new(format: CacheFormat, heads: usize, head_dim: usize) -> Self {
        Self {
            format,
            heads,
            layout: PageLayout { head_dim },
            slabs: Arc::default(),
        }
    }

    /// Number of vectors of a page, or `None` if its size exceeds the address space.
    fn page_vectors(&self) -> Option<usize> {
        let numbers = self.layout.head_vectors()?.checked_mul(self.heads)?;
        let bytes = numbers.checked_mul(size_of::<Vec16>() / 4 * self.format.element_bytes())?;
        Some(bytes.div_ceil(size_of::<Vec16>()))
    }

    /// Allocates a page of zeros. They are read: the last block of keys is computed as a whole.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub(super) fn alloc(&self) -> Result<Page, KernelError> {
        let (mut page, is_zero) = self.take()?;
        if !is_zero {
            page.fill(Vec16::zeroed());
        }
        Ok(page)
    }

    /// Allocates a copy of a page.
    ///
    /// # Errors
    /// [`KernelError::NoMemory`].
    pub(super) fn copy(&self, page: &Page) -> Result<Page, KernelError> {
        let (mut copy, _) = self.take()?;
        copy.copy_from_slice(page);
        Ok(copy)
    }

    /// Takes a page from a slab, a new one if all are full, and returns whether it is zero.
    fn take(&self) -> Result<(Page, bool), KernelError> {
        let no_memory = KernelError::NoMemory { bytes: usize::MAX };
        let vectors = self.page_vectors().ok_or(no_memory)?;
        let mut slabs = self.slabs.lock().unwrap_or_else(PoisonError::into_inner);
        slabs.retain(|slab| slab.strong_count() > 0);
        let existing = slabs.iter().filter_map(Weak::upgrade);
        if let Some(taken) = existing.filter_map(|slab| Slab::take(&slab)).next() {
            return Ok(taken);
        }
        let slab = Arc::new(Slab::new(vectors)?);
        slabs.push(Arc::downgrade(&slab));
        let bytes = vectors.saturating_mul(size_of::<Vec16>());
        Slab::take(&slab).ok_or(KernelError::NoMemory { bytes })
    }
}

/// Memory for several pages.
#[derive(Debug)]
struct Slab {
    /// The first vector of the arena.
    start: NonNull<Vec16>,
    /// Owns the memory. It is not accessed.
    _arena: HugePageArena,
    page_vectors: usize,
    slots: Mutex<Slots>,
}

/// The slots of a slab that hold no page.
#[derive(Debug)]
struct Slots {
    /// Slots that have held a page.
    returned: Vec<usize>,
    /// Slots that have never held one: their memory is zero.
    unused: Range<usize>,
}

// SAFETY: the memory is accessed only through pages, and each slot belongs to one page at a time.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    fn new(page_vectors: usize) -> Result<Self, KernelError> {
        let no_memory = KernelError::NoMemory {
            bytes: page_vectors.saturating_mul(size_of::<Vec16>()),
        };
        let page_bytes = page_vectors.checked_mul(size_of::<Vec16>());
        let page_bytes = page_bytes.ok_or(no_memory)?;
        let slots = (SLAB_BYTES / page_bytes.max(1)).max(1);
        let mut arena = HugePageArena::new(slots * page_bytes)?;
        let memory = arena.get_mut(&(0..slots * page_bytes));
        Ok(Self {
            start: NonNull::from(memory).cast(),
            _arena: arena,
            page_vectors,
            slots: Mutex::new(Slots {
                returned: Vec::new(),
                unused: 0..slots,
            }),
        })
    }

    /// Takes a page, and returns whether it is zero; `None` if no slot is left.
    fn take(slab: &Arc<Self>) -> Option<(Page, bool)> {
        let mut slots = slab.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let returned = slots.returned.pop();
        let slot = returned.or_else(|| slots.unused.next())?;
        let page = Page {
            slab: Arc::clone(slab),
            slot,
        };
        Some((page, returned.is_none()))
    }
}

/// Memory for some positions of one layer, see [`PageLayout`].
#[derive(Debug)]
pub(super) struct Page {
    slab: Arc<Slab>,
    slot: usize,
}

impl Page {
    fn start(&self) -> NonNull<Vec16> {
        // SAFETY: the slab has room for the page of every slot.
        unsafe { self.slab.start.add(self.slot * self.slab.page_vectors) }
    }
}

impl Deref for Page {
    type Target = [Vec16];

    #[inline(always)]
    fn deref(&self) -> &[Vec16] {
        // SAFETY: the memory of the slot is initialised and lives as long as the slab, and only
        // this page accesses it.
        unsafe { NonNull::slice_from_raw_parts(self.start(), self.slab.page_vectors).as_ref() }
    }
}

impl DerefMut for Page {
    fn deref_mut(&mut self) -> &mut [Vec16] {
        // SAFETY: as above.
        unsafe { NonNull::slice_from_raw_parts(self.start(), self.slab.page_vectors).as_mut() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let slots = self.slab.slots.lock();
        let mut slots = slots.unwrap_or_else(PoisonError::into_inner);
        slots.returned.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zero_and_do_not_overlap_and_slabs_are_returned() {
        let pool = PagePool::new(CacheFormat::F16, 3, 20);
        let slabs = || {
            let slabs = pool.slabs.lock().unwrap();
            slabs.iter().filter(|one| one.strong_count() > 0).count()
        };
        let holds = |page: &Page, number: usize| page.iter().all(|v| v.0 == [number as f32; 16]);
        let n = if cfg!(miri) { 4 } else { 500 };
        let mut pages: Vec<Page> = (0..n).map(|_| pool.alloc().unwrap()).collect();
        assert!(slabs() > 1);
        for (number, page) in (1..).zip(&mut pages) {
            assert_eq!(size_of_val(&**page), 64 * 3 * (20 + 32) * 2);
            assert!(holds(page, 0));
            page.fill(Vec16([number as f32; 16]));
        }
        let copy = pool.copy(&pages[1]).unwrap();
        for (number, page) in (1..).zip(&pages) {
            assert!(holds(page, number));
        }
        assert!(holds(&copy, 2));
        pages.truncate(n / 2);
        let (before, again) = (slabs(), pool.alloc().unwrap());
        assert!(holds(&again, 0));
        assert_eq!(slabs(), before, "a slot is used again");
        drop((pages, copy, again));
        assert_eq!(slabs(), 0);
    }
}
