//! Values that belong to the process that created them.

use crate::errors::forked_error;
use pyo3::prelude::*;
use std::mem::ManuallyDrop;

/// A value with threads or locks, which do not survive a fork: another thread may hold a lock at
/// the time of the fork, and the child process has none of the threads.
///
/// In a child process the value can neither be used nor dropped; its memory is leaked.
#[derive(Debug)]
pub(crate) struct Owned<T> {
    value: ManuallyDrop<T>,
    process: u32,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ManuallyDrop::new(value),
            process: std::process::id(),
        }
    }

    /// Returns the value, or `ForkedError` in a child process. `what` is the subject of the
    /// message.
    pub(crate) fn get(&self, what: &'static str) -> PyResult<&T> {
        if self.process == std::process::id() {
            Ok(&self.value)
        } else {
            Err(forked_error(what))
        }
    }
}

impl<T> Drop for Owned<T> {
    #[expect(unsafe_code, reason = "ManuallyDrop has no safe way to drop its value")]
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // SAFETY: the value is dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}
