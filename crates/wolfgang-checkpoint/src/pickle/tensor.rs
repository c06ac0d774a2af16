//! Tensors and their storages.

use super::element::Element;
use std::rc::Rc;

/// A range of bytes in the file. Tensors are views of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Storage {
    /// The name in the file.
    pub(crate) key: Rc<str>,
    /// The element type, or the class of the storage if the type is unknown.
    pub(crate) element: Result<&'static Element, Rc<str>>,
    /// Number of elements.
    pub(crate) len: usize,
    /// First element of the view. Some old files have views of storages.
    pub(super) start: usize,
    /// End of the elements that tensors may use.
    pub(super) end: usize,
}

/// A tensor, described as a view of a storage.
#[derive(Debug)]
pub(crate) struct TensorRef {
    pub(crate) storage: Rc<Storage>,
    pub(crate) element: &'static Element,
    /// Index of the first element in the storage.
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) strides: Vec<usize>,
}

impl TensorRef {
    /// Returns the number of elements; `None` on overflow.
    pub(crate) fn len(&self) -> Option<usize> {
        let mut sizes = self.shape.iter();
        sizes.try_fold(1usize, |len, size| len.checked_mul(*size))
    }

    /// Returns the minimum number of elements of the storage; `None` on overflow.
    pub(crate) fn reach(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let mut dims = self.shape.iter().zip(&self.strides);
        let last = dims.try_fold(self.offset, |last, (size, stride)| {
            last.checked_add((size - 1).checked_mul(*stride)?)
        })?;
        last.checked_add(1)
    }

    /// Returns the size of the storage according to the pickle, in elements of this tensor.
    pub(crate) fn available(&self) -> usize {
        let bytes = self.storage.element.as_ref().map_or(1, |e| e.size);
        self.storage.end.saturating_mul(bytes) / self.element.size
    }

    /// Whether the elements are in row-major order without gaps.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        let dims = self.shape.iter().zip(&self.strides).rev();
        let mut significant = dims.filter(|(size, _)| **size != 1);
        significant.all(|(size, stride)| {
            let matches = *stride == expected;
            expected = expected.saturating_mul(*size);
            matches
        })
    }
}
