//! Weights on large memory pages.

use burn::tensor::TensorData;

/// Moves large data onto 2 MB pages where the system gives them.
///
/// Decoding reads every weight once per token, and with 4 KB pages the address translation alone costs a good part
/// of the memory's speed. The advice is only advice: where the system ignores it, this is a copy and nothing more.
#[cfg(target_os = "linux")]
pub(crate) fn on_large_pages(data: TensorData) -> TensorData {
    use burn::tensor::{AllocationProperty, Bytes};
    use memmap2::{Advice, MmapMut};

    const PAGE: usize = 2 << 20;
    let bytes = data.as_bytes();
    if bytes.len() < PAGE {
        return data;
    }
    let Ok(mut map) = MmapMut::map_anon(bytes.len() + PAGE) else {
        return data;
    };
    if map.advise(Advice::HugePage).is_err() {
        return data;
    }
    let start = map.as_ptr().align_offset(PAGE);
    let range = start..start + bytes.len();
    map[range.clone()].copy_from_slice(bytes);
    let shared = bytes::Bytes::from_owner(map).slice(range);
    let bytes = Bytes::from_shared(shared, AllocationProperty::Other);
    TensorData::from_bytes(bytes, data.shape().clone(), data.dtype())
}

/// Large pages are asked for on Linux only.
#[cfg(not(target_os = "linux"))]
pub(crate) fn on_large_pages(data: TensorData) -> TensorData {
    data
}
