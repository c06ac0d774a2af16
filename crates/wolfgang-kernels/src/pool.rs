//! Threads that share the work of one step.

use crate::KernelError;
use std::cell::UnsafeCell;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a thread looks for work before it sleeps: longer than the pauses within a token, shorter than what another
/// program would miss.
const SPIN_TIME: Duration = Duration::from_micros(50);

/// More threads than any processor has, and fewer than make a system fail.
const MAX_THREADS: usize = 1024;

/// A few threads that look for work for a short while, and then sleep.
///
/// Pieces of work are taken one by one by whoever has time, so a thread that the system has put aside delays only the
/// piece in its hands. Whoever waits for that sleeps, and on a machine that others use, too, who slept comes first.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<PoolState>,
    workers: Vec<JoinHandle<()>>,
}

/// Called with the numbers of a thread and of a piece.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

struct PoolState {
    /// The job's number in the upper half; in the lower, how many of its pieces nobody has taken yet.
    open: AtomicU64,
    /// Written while there is no piece open or unfinished, read by whoever has taken one.
    job: UnsafeCell<Option<Job>>,
    unfinished: AtomicUsize,
    /// A piece panicked.
    failed: AtomicBool,
    stop: AtomicBool,
    caller_sleeps: AtomicBool,
    caller: Mutex<Option<Thread>>,
    worker_sleeps: Vec<AtomicBool>,
}

#[derive(Clone, Copy)]
struct Job {
    work: *const Work<'static>,
    pieces: usize,
}

// SAFETY: the pointer within leads to something `Sync`, and is followed only while `Pool::run` keeps that alive: see
// `PoolState::take`.
unsafe impl Send for PoolState {}
// SAFETY: all else within is made for sharing.
unsafe impl Sync for PoolState {}

impl std::fmt::Debug for PoolState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolState").finish_non_exhaustive()
    }
}

impl Pool {
    /// So many threads, of which the caller of [`run`](Self::run) is one.
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
        let shared = Arc::new(PoolState {
            open: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            unfinished: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            caller_sleeps: AtomicBool::new(false),
            caller: Mutex::new(None),
            worker_sleeps: (0..workers).map(|_| AtomicBool::new(false)).collect(),
        });
        let mut pool = Self {
            shared,
            workers: Vec::new(),
        };
        for index in 0..workers {
            let shared = Arc::clone(&pool.shared);
            let worker = std::thread::Builder::new()
                .name(format!("wolfgang-{}", index + 1))
                .spawn(move || shared.worker_loop(index))
                .map_err(|source| KernelError::NoThread {
                    threads: threads.get(),
                    source: Arc::new(source),
                })?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// How many threads there are, with the caller's.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` with every number below `pieces`, each once, on all threads; returns when all is done.
    ///
    /// # Panics
    /// If `work` does, when no other thread is at it any more.
    pub(crate) fn run(&mut self, pieces: usize, work: &Work<'_>) {
        if pieces <= 1 || self.workers.is_empty() {
            (0..pieces).for_each(|piece| work(0, piece));
            return;
        }
        let shared = &*self.shared;
        let work = std::ptr::from_ref(work);
        // SAFETY: only the lifetime changes. No piece is open or unfinished, so nobody else looks at the job now;
        // `self` is borrowed alone, so no other call is under way; and this function does not end before all pieces
        // have.
        unsafe {
            let work = std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work);
            *shared.job.get() = Some(Job { work, pieces });
        }
        shared.unfinished.store(pieces, Ordering::Relaxed);
        shared.failed.store(false, Ordering::Relaxed);
        let number = (shared.open.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        let open = number << 32 | pieces as u64;
        shared.open.store(open, Ordering::SeqCst);
        for (sleeps, worker) in shared
            .worker_sleeps
            .iter()
            .zip(&self.workers)
            .take(pieces - 1)
        {
            if sleeps.swap(false, Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }

        let own = catch_unwind(AssertUnwindSafe(|| shared.drain(0)));
        wait(
            || shared.unfinished.load(Ordering::SeqCst) == 0,
            &shared.caller_sleeps,
            || {
                let mut caller = shared.caller.lock().unwrap_or_else(|e| e.into_inner());
                *caller = Some(std::thread::current());
            },
        );
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!shared.failed.load(Ordering::Relaxed), "a thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // It ends whatever happened on it: pieces that panic are caught.
            let _ = worker.join();
        }
    }
}

impl PoolState {
    /// A worker's life.
    fn worker_loop(&self, index: usize) {
        let stops = || self.stop.load(Ordering::SeqCst);
        loop {
            let wanted = || self.open.load(Ordering::SeqCst) as u32 > 0 || stops();
            wait(wanted, &self.worker_sleeps[index], || ());
            if stops() {
                return;
            }
            // That it panicked is known: `CompletionGuard` has told while the caller still waited.
            let _ = catch_unwind(AssertUnwindSafe(|| self.drain(index + 1)));
        }
    }

    /// Takes pieces until none is open.
    fn drain(&self, thread: usize) {
        while let Some((job, piece)) = self.take() {
            let done = CompletionGuard(self);
            // SAFETY: the piece is unfinished until `done` goes, and until then `Pool::run` waits and keeps the work
            // alive.
            unsafe { (*job.work)(thread, piece) };
            drop(done);
        }
    }

    /// A piece that is now the caller's.
    fn take(&self) -> Option<(Job, usize)> {
        let mut open = self.open.load(Ordering::SeqCst);
        while open as u32 > 0 {
            match self.open.compare_exchange_weak(
                open,
                open - 1,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) {
                Ok(_) => {
                    // SAFETY: the piece just taken is unfinished, and as long as one is nobody writes the job.
                    let job = unsafe { *self.job.get() }?;
                    return Some((job, job.pieces - open as u32 as usize));
                }
                Err(now) => open = now,
            }
        }
        None
    }
}

/// Counts a piece as done when it goes, also by a panic.
struct CompletionGuard<'a>(&'a PoolState);

impl Drop for CompletionGuard<'_> {
    fn drop(&mut self) {
        let Self(shared) = self;
        let panics = std::thread::panicking();
        if panics {
            shared.failed.store(true, Ordering::Relaxed);
        }
        if shared.unfinished.fetch_sub(1, Ordering::SeqCst) == 1
            && shared.caller_sleeps.swap(false, Ordering::SeqCst)
            && let Some(caller) = &*shared.caller.lock().unwrap_or_else(|e| e.into_inner())
        {
            caller.unpark();
        }
    }
}

/// Waits until `ready`; in sleep if that takes long. Whoever makes it so wakes a thread whose `sleeps` is set.
fn wait(ready: impl Fn() -> bool, sleeps: &AtomicBool, before_sleep: impl Fn()) {
    if ready() {
        return;
    }
    let start = Instant::now();
    while start.elapsed() < SPIN_TIME {
        for _ in 0..16 {
            if ready() {
                return;
            }
            std::hint::spin_loop();
        }
    }
    before_sleep();
    loop {
        sleeps.store(true, Ordering::SeqCst);
        if ready() {
            sleeps.store(false, Ordering::SeqCst);
            return;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> Pool {
        Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    #[test]
    fn every_piece_is_done_once() {
        let rounds = if cfg!(miri) { 3 } else { 2000 };
        for threads in 1..=4 {
            let mut pool = pool(threads);
            assert_eq!(pool.threads(), threads);
            for round in 0..rounds {
                let pieces = round % 9;
                let done: Vec<_> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                pool.run(pieces, &|thread, piece| {
                    assert!(thread < threads);
                    done[piece].fetch_add(1, Ordering::Relaxed);
                });
                let done: Vec<_> = done.into_iter().map(AtomicUsize::into_inner).collect();
                assert_eq!(done, vec![1; pieces]);
            }
        }
    }

    #[test]
    fn who_sleeps_is_woken() {
        let mut pool = pool(2);
        for _ in 0..3 {
            std::thread::sleep(4 * SPIN_TIME);
            let threads = Mutex::new(Vec::new());
            // Each waits for the other, so both must come.
            let barrier = std::sync::Barrier::new(2);
            pool.run(2, &|thread, _| {
                barrier.wait();
                std::thread::sleep(4 * SPIN_TIME * thread as u32);
                threads.lock().unwrap().push(thread);
            });
            let mut threads = threads.into_inner().unwrap();
            threads.sort_unstable();
            assert_eq!(threads, [0, 1]);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = pool(3);
        for bad in 0..6 {
            let run = catch_unwind(AssertUnwindSafe(|| {
                pool.run(6, &|_, piece| assert_ne!(piece, bad));
            }));
            assert!(run.is_err());
        }
        let done = AtomicUsize::new(0);
        pool.run(6, &|_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 6);
    }

    #[test]
    fn a_workers_panic_is_not_told_again_by_what_comes_next() {
        let mut pool = pool(2);
        for _ in 0..if cfg!(miri) { 2 } else { 50 } {
            let barrier = std::sync::Barrier::new(2);
            let run = catch_unwind(AssertUnwindSafe(|| {
                pool.run(2, &|thread, _| {
                    barrier.wait();
                    if thread == 1 {
                        // Without a word on standard error.
                        resume_unwind(Box::new(()));
                    }
                });
            }));
            assert!(run.is_err());
            // Long enough for the worker to be done with its panic.
            pool.run(2, &|_, _| std::thread::sleep(4 * SPIN_TIME));
        }
    }
}
