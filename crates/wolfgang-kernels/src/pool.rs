//! The thread pool of the kernels.

mod sync;

#[cfg(test)]
mod loom_tests;
#[cfg(test)]
mod tests;

use crate::KernelError;
use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use sync::{
    AtomicBool, AtomicUsize, Builder, JoinHandle, Mutex, Ordering, Thread, UnsafeCell, current,
    park, spin_until,
};

/// Maximum number of threads: more than a processor has, fewer than a system refuses.
const MAX_THREADS: usize = 1024;

/// A pool of threads that run the pieces of one job at a time.
///
/// Each thread takes one piece after the other, so a thread that the system preempts delays one
/// piece only. Threads without work spin for a short time and then park: on a machine with other
/// programs, a thread that has slept is scheduled before one that has spun.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Arc<PoolState>,
    workers: Vec<JoinHandle<()>>,
}

/// The function of a job. Its arguments are the index of the thread and that of the piece.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// State that the caller of [`Pool::run`] and the workers share.
struct PoolState {
    /// Number of pieces of the current job that are not taken.
    open: AtomicUsize,
    /// The current job. Written while no piece is open or unfinished, read after taking a piece.
    job: UnsafeCell<Option<Job>>,
    /// Number of pieces that have not finished.
    unfinished: AtomicUsize,
    /// Payload of the first panic in a piece of the current job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Set when the pool is dropped.
    stop: AtomicBool,
    caller_parked: AtomicBool,
    caller: Mutex<Option<Thread>>,
    worker_parked: Vec<AtomicBool>,
}

#[derive(Clone, Copy)]
struct Job {
    work: *const Work<'static>,
    pieces: usize,
}

// SAFETY: the pointer in `job` refers to a `Sync` closure and is dereferenced only while
// `Pool::run` keeps the closure alive: see `PoolState::drain`.
unsafe impl Send for PoolState {}
// SAFETY: as above; `job` is written only while no other thread accesses it, and all other fields
// are `Sync`.
unsafe impl Sync for PoolState {}

impl std::fmt::Debug for PoolState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolState").finish_non_exhaustive()
    }
}

impl Pool {
    /// Creates a pool of `threads` threads, including that of the caller of [`run`](Self::run).
    ///
    /// # Errors
    /// [`KernelError::TooManyThreads`], [`KernelError::NoThread`].
    pub(crate) fn new(threads: NonZeroUsize) -> Result<Self, KernelError> {
        if threads.get() > MAX_THREADS {
            return Err(KernelError::TooManyThreads {
                threads: threads.get(),
                limit: MAX_THREADS,
            });
        }
        let workers = threads.get() - 1;
        let state = Arc::new(PoolState {
            open: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            unfinished: AtomicUsize::new(0),
            panic: Mutex::new(None),
            stop: AtomicBool::new(false),
            caller_parked: AtomicBool::new(false),
            caller: Mutex::new(None),
            worker_parked: (0..workers).map(|_| AtomicBool::new(false)).collect(),
        });
        let mut pool = Self {
            state,
            workers: Vec::new(),
        };
        for index in 0..workers {
            let state = Arc::clone(&pool.state);
            let worker = Builder::new()
                .name(format!("wolfgang-{}", index + 1))
                .spawn(move || state.worker_loop(index))
                .map_err(|source| KernelError::NoThread {
                    threads: threads.get(),
                    source: Arc::new(source),
                })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Returns the number of threads, including that of the caller.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work(thread, piece)` once for each piece in `0..pieces`, on all threads. Returns when
    /// all calls have returned.
    ///
    /// # Panics
    /// If a call panics. No call is running any more when the panic reaches the caller; with one
    /// thread, the remaining pieces are skipped. The pool remains usable.
    pub(crate) fn run(&mut self, pieces: usize, work: &Work<'_>) {
        if pieces <= 1 || self.workers.is_empty() {
            (0..pieces).for_each(|piece| work(0, piece));
            return;
        }
        let state = &*self.state;
        let work = std::ptr::from_ref(work);
        // SAFETY: only the lifetime changes. The closure outlives every use of the pointer, because
        // this function returns only after all pieces have finished.
        let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        state.job.with_mut(|job| {
            // SAFETY: no piece is open or unfinished, so no worker accesses the job; `&mut self`
            // excludes other callers.
            unsafe { *job = Some(Job { work, pieces }) };
        });
        state.unfinished.store(pieces, Ordering::Relaxed);
        // Publishes the job and the counter to the threads that take a piece.
        state.open.store(pieces, Ordering::Release);
        let workers = state.worker_parked.iter().zip(&self.workers);
        for (parked, worker) in workers.take(pieces - 1) {
            wake(parked, || worker.thread().unpark());
        }

        state.drain(0);
        let finished = || state.unfinished.load(Ordering::Acquire) == 0;
        wait(finished, &state.caller_parked, || {
            let mut caller = state.caller.lock().unwrap_or_else(|e| e.into_inner());
            *caller = Some(current());
        });
        let mut panic = state.panic.lock().unwrap_or_else(|e| e.into_inner());
        let payload = panic.take();
        drop(panic);
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // Workers do not panic: `drain` catches panics of pieces.
            let _ = worker.join();
        }
    }
}

impl PoolState {
    /// Runs pieces until the pool is dropped.
    fn worker_loop(&self, index: usize) {
        let stopped = || self.stop.load(Ordering::Acquire);
        loop {
            let has_work = || self.open.load(Ordering::Acquire) > 0 || stopped();
            wait(has_work, &self.worker_parked[index], || ());
            if stopped() {
                return;
            }
            self.drain(index + 1);
        }
    }

    /// Takes and runs pieces until none is open. The first panic is kept in `panic`.
    fn drain(&self, thread: usize) {
        while let Some((job, piece)) = self.take() {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                // SAFETY: until `finish` this piece is unfinished, and until then `Pool::run` does
                // not return and keeps the closure alive.
                unsafe { (*job.work)(thread, piece) };
            }));
            if let Err(payload) = outcome {
                let mut first = self.panic.lock().unwrap_or_else(|e| e.into_inner());
                match &*first {
                    None => *first = Some(payload),
                    // The destructor of a payload may panic, and a panic here would skip `finish`:
                    // a further payload is leaked.
                    Some(_) => std::mem::forget(payload),
                }
            }
            self.finish();
        }
    }

    /// Takes an open piece; returns the job and the index of the piece.
    fn take(&self) -> Option<(Job, usize)> {
        let mut open = self.open.load(Ordering::Acquire);
        while open > 0 {
            match self.open.compare_exchange_weak(
                open,
                open - 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    // SAFETY: the piece that was just taken is unfinished, and the job is written
                    // only while no piece is.
                    let job = self.job.with(|job| unsafe { *job })?;
                    return Some((job, job.pieces - open));
                }
                Err(current) => open = current,
            }
        }
        None
    }

    /// Counts a piece as finished. The last one wakes the caller.
    fn finish(&self) {
        if self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
            wake(&self.caller_parked, || {
                let caller = self.caller.lock().unwrap_or_else(|e| e.into_inner());
                if let Some(caller) = &*caller {
                    caller.unpark();
                }
            });
        }
    }
}

/// Waits until `ready` returns true: spins, then parks. `before_park` runs once before the first
/// time.
///
/// The thread that makes `ready` true must call [`wake`] with the same flag afterwards.
fn wait(ready: impl Fn() -> bool, parked: &AtomicBool, before_park: impl Fn()) {
    if spin_until(&ready) {
        return;
    }
    before_park();
    // The flag is only accessed with `swap`, by both threads, so no wake-up is lost: if the swap in
    // `wake` comes first, the one here reads its value, and `ready` sees what happened before it.
    // If it comes second, it finds the flag set and unparks this thread.
    loop {
        parked.swap(true, Ordering::AcqRel);
        if ready() {
            parked.swap(false, Ordering::AcqRel);
            return;
        }
        park();
    }
}

/// Calls `unpark` if the thread of the flag is in [`wait`] and may be parked.
fn wake(parked: &AtomicBool, unpark: impl FnOnce()) {
    if parked.swap(false, Ordering::AcqRel) {
        unpark();
    }
}
