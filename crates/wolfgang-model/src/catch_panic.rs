//! Panics of the backends.

use crate::ModelError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`, which computes on a device, and returns a panic of the backend as an error.
/// Backends panic if a driver is missing, an allocation fails or a kernel cannot be compiled.
///
/// A KV cache that was being written keeps its old length.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| ModelError::backend(panic_message(&*panic)))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let message = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    message.unwrap_or("it panicked without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_one_line() {
        let error = |work: fn()| catch_panic(work).unwrap_err().to_string();
        assert_eq!(
            error(|| panic!("no memory\nstack:\n0")),
            "the backend failed: no memory"
        );
        assert_eq!(
            error(|| panic!("no {}", "driver")),
            "the backend failed: no driver"
        );
        assert_eq!(catch_panic(|| 7), Ok(7));
    }
}
