//! Synchronisation primitives of the thread pool: those of `std`, or in the model check those of
//! `loom`.

#[cfg(not(all(loom, test)))]
pub(super) use native::*;

#[cfg(all(loom, test))]
pub(super) use model::*;

#[cfg(not(all(loom, test)))]
mod native {
    pub(in super::super) use std::sync::Mutex;
    pub(in super::super) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(in super::super) use std::thread::{Builder, JoinHandle, Thread, current, park};
    use std::time::{Duration, Instant};

    /// How long a thread spins before it parks: longer than the pauses within one token, too short
    /// to take time from other programs.
    pub(in super::super) const SPIN_TIME: Duration = Duration::from_micros(50);

    /// [`std::cell::UnsafeCell`] with the interface of loom's.
    pub(in super::super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(in super::super) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(in super::super) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        pub(in super::super) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }

    /// Polls `ready` for [`SPIN_TIME`] and returns whether it became true.
    pub(in super::super) fn spin_until(ready: impl Fn() -> bool) -> bool {
        if ready() {
            return true;
        }
        let start = Instant::now();
        while start.elapsed() < SPIN_TIME {
            for _ in 0..16 {
                if ready() {
                    return true;
                }
                std::hint::spin_loop();
            }
        }
        false
    }
}

#[cfg(all(loom, test))]
mod model {
    pub(in super::super) use loom::cell::UnsafeCell;
    pub(in super::super) use loom::sync::Mutex;
    pub(in super::super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(in super::super) use loom::thread::{Builder, JoinHandle, Thread, current, park};

    /// Polls `ready` once: loom has no time, and explores every order of threads anyway.
    pub(in super::super) fn spin_until(ready: impl Fn() -> bool) -> bool {
        ready()
    }
}
