//! Room for all weights of a model, in one piece.
//!
//! Decoding reads every weight once per token, and with 4 KB pages the address translation alone costs a good part of
//! the memory's speed. So the weights lie on 2 MB pages where the system gives them, and one behind the other, for
//! every piece of its own would leave part of its last page empty.

use crate::ModelError;
use burn::tensor::{AllocationProperty, Bytes, DType, TensorData};
use memmap2::MmapMut;

/// The size of a large page.
const PAGE: usize = 2 << 20;

/// Every piece begins at a cache line, as numbers of f32.
const LINE: usize = 64 / size_of::<f32>();

/// The weights of a model in pieces, to be taken in the order in which they were filled in.
pub(crate) struct Room {
    weights: bytes::Bytes,
}

impl Room {
    /// Has `fill` write pieces of these sizes, given by their index.
    pub(crate) fn filled<E: From<ModelError>>(
        sizes: &[usize],
        mut fill: impl FnMut(usize, &mut [f32]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let numbers: usize = sizes.iter().map(|size| lines(*size)).sum();
        let bytes = numbers * size_of::<f32>();
        let mut map =
            MmapMut::map_anon(bytes + PAGE).map_err(|_| ModelError::NoMemory { bytes })?;
        // Advice only: where it is ignored, nothing but speed is lost.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        let start = map.as_ptr().align_offset(PAGE);

        let mut rest: &mut [f32] = bytemuck::cast_slice_mut(&mut map[start..start + bytes]);
        for (index, size) in sizes.iter().enumerate() {
            let (piece, behind) = rest.split_at_mut(lines(*size));
            fill(index, &mut piece[..*size])?;
            rest = behind;
        }
        let weights = bytes::Bytes::from_owner(map).slice(start..start + bytes);
        Ok(Self { weights })
    }

    /// The next piece, which has this size. It shares the room.
    pub(crate) fn take(&mut self, size: usize) -> TensorData {
        let mut weights = self.weights.split_to(lines(size) * size_of::<f32>());
        weights.truncate(size * size_of::<f32>());
        let weights = Bytes::from_shared(weights, AllocationProperty::Other);
        TensorData::from_bytes(weights, [size], DType::F32)
    }
}

/// How many numbers a piece takes, up to where the next one begins.
fn lines(size: usize) -> usize {
    size.next_multiple_of(LINE)
}
