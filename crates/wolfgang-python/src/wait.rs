//! Waiting without the GIL, until a result or a signal arrives.

use crate::panic::panicked;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Longest time until a signal handler of Python runs.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// Time between two attempts to get a lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(1);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls until there is a result.
///
/// # Errors
/// The exception of a signal handler, usually `KeyboardInterrupt`.
pub(crate) fn poll_until_ready<T: Send>(
    py: Python<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<T> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        let ready = py.detach(|| {
            let deadline = Instant::now() + INTERVAL;
            loop {
                if let Poll::Ready(value) = poll(&mut Context::from_waker(&waker)) {
                    return Some(value);
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                std::thread::park_timeout(left);
            }
        });
        match ready {
            Some(value) => return Ok(value),
            None => py.check_signals()?,
        }
    }
}

/// Runs `work` on another thread and waits for it. After the exception of a signal handler the
/// thread continues in the background, and its result is dropped.
///
/// # Errors
/// The exception of a signal handler, `InternalError` for a panic, and `OSError` if no thread can
/// be started.
pub(crate) fn run_in_thread<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = sync_channel(1);
    let work = move || {
        // Nobody receives it after a signal.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    };
    std::thread::Builder::new()
        .name("wolfgang-call".to_owned())
        .spawn(work)?;
    let receiver = Mutex::new(receiver);
    loop {
        match py.detach(|| lock(&receiver).recv_timeout(INTERVAL)) {
            Ok(result) => return result.map_err(|panic| panicked(&*panic)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(panicked(&"the thread of the call ended"));
            }
        }
    }
}

/// Locks a mutex that is held only for short times.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex that another thread may hold during a forward pass, or returns `None` after
/// [`INTERVAL`]. The GIL must not be held.
pub(crate) fn lock_for_a_while<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let deadline = Instant::now() + INTERVAL;
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_INTERVAL),
        }
    }
}
