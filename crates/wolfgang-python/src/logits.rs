//! Logits as a buffer of Python.

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void};

/// Logits, `[rows, vocab_size]` in float32: a read-only buffer, which `numpy.asarray` and
/// `memoryview` share without a copy.
#[pyclass(frozen, module = "wolfgang._wolfgang")]
#[derive(Debug)]
pub(crate) struct Logits {
    data: Vec<f32>,
    shape: [isize; 2],
    strides: [isize; 2],
}

impl Logits {
    pub(crate) fn new(data: Vec<f32>, rows: usize) -> Self {
        let columns = data.len().checked_div(rows).unwrap_or(0);
        let item = size_of::<f32>() as isize;
        Self {
            data,
            shape: [rows as isize, columns as isize],
            strides: [columns as isize * item, item],
        }
    }
}

#[pymethods]
impl Logits {
    /// Rows and columns.
    #[getter]
    fn shape(&self) -> (isize, isize) {
        (self.shape[0], self.shape[1])
    }

    #[expect(unsafe_code, reason = "the buffer protocol has no safe interface")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("the view is null"));
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err("logits are read-only"));
        }
        let this = slf.get();
        let wants = |flag: c_int| flags & flag == flag;
        // SAFETY: `view` is a valid Py_buffer, which the caller provides. Pointers into `this` are
        // valid as long as `obj`, which the view owns, exists: the class is frozen. Nothing writes
        // through them, because the view is read-only.
        unsafe {
            (*view).buf = this.data.as_ptr().cast_mut().cast::<c_void>();
            (*view).len = size_of_val(this.data.as_slice()) as isize;
            (*view).readonly = 1;
            (*view).itemsize = size_of::<f32>() as isize;
            (*view).format = match wants(ffi::PyBUF_FORMAT) {
                true => c"f".as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            };
            (*view).ndim = if wants(ffi::PyBUF_ND) { 2 } else { 1 };
            (*view).shape = match wants(ffi::PyBUF_ND) {
                true => this.shape.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            };
            (*view).strides = match wants(ffi::PyBUF_STRIDES) {
                true => this.strides.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }
}
