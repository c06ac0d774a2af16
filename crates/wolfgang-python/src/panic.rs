//! Panics become exceptions.

use crate::errors::internal_error;
use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Prevents the message of a panic from being printed. The hook belongs to this module: other
/// extension modules have their own.
pub(crate) fn silence() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Calls `body` and turns a panic into `InternalError`.
pub(crate) fn catch<T>(body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// The exception for a panic.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> PyErr {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let message = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    internal_error(message.unwrap_or("no message"))
}
