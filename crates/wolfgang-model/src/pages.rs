//! Room for weights, on large memory pages.

use burn::tensor::{AllocationProperty, Bytes};
use memmap2::MmapMut;
use std::ops::Range;

/// The size of a large page.
const PAGE: usize = 2 << 20;

/// Room for `n` numbers, filled by `fill`.
///
/// Large room lies on 2 MB pages where the system gives them: decoding reads every weight once per token, and with
/// 4 KB pages the address translation alone costs a good part of the memory's speed.
pub(crate) fn filled<E>(
    n: usize,
    fill: impl FnOnce(&mut [f32]) -> Result<(), E>,
) -> Result<Bytes, E> {
    if let Some((mut map, range)) = large_pages(n * size_of::<f32>()) {
        fill(bytemuck::cast_slice_mut(&mut map[range.clone()]))?;
        let shared = bytes::Bytes::from_owner(map).slice(range);
        return Ok(Bytes::from_shared(shared, AllocationProperty::Other));
    }
    let mut values = vec![0f32; n];
    fill(&mut values)?;
    Ok(Bytes::from_elems(values))
}

/// `len` bytes on large pages, if they are worth one and the system takes the advice.
#[cfg(target_os = "linux")]
fn large_pages(len: usize) -> Option<(MmapMut, Range<usize>)> {
    if len < PAGE {
        return None;
    }
    let map = MmapMut::map_anon(len + PAGE).ok()?;
    map.advise(memmap2::Advice::HugePage).ok()?;
    let start = map.as_ptr().align_offset(PAGE);
    Some((map, start..start + len))
}

/// Large pages are asked for on Linux only.
#[cfg(not(target_os = "linux"))]
fn large_pages(_len: usize) -> Option<(MmapMut, Range<usize>)> {
    None
}
