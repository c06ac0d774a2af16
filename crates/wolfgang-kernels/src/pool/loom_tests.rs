//! Model check of the pool: loom runs each test with every order of the threads' steps, and with
//! every value that the memory orderings allow a load to return. `cargo xtask loom` runs them.
//!
//! loom reports a data race (also of a piece with the caller, after `run` has returned), a deadlock
//! (also of a parked thread that is not woken) and a thread that is not joined.

#![cfg(loom)]

use super::sync::{AtomicUsize, Ordering, UnsafeCell};
use super::*;
use loom::sync::{Condvar, Mutex as LoomMutex};

fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// Checks all orders with at most `preemptions` preemptions; loom's authors found 2 to 3 enough to
/// show most errors.
fn check(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(test);
}

/// A counter that is not synchronised: loom reports two accesses without an order as a data race.
struct Counter(UnsafeCell<usize>);

// SAFETY: loom reports every access that is not ordered with another one.
unsafe impl Sync for Counter {}

impl Counter {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn increment(&self) {
        // SAFETY: loom reports a data race before the access happens.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }

    fn get(&self) -> usize {
        // SAFETY: as above.
        self.0.with(|count| unsafe { *count })
    }
}

/// Runs a job and asserts that each piece ran once and that its effect is visible to the caller.
fn run_and_count(pool: &mut Pool, pieces: usize) {
    let counters: Vec<_> = (0..pieces).map(|_| Counter::new()).collect();
    pool.run(pieces, &|_, piece| counters[piece].increment());
    assert!(counters.iter().all(|counter| counter.get() == 1));
}

#[test]
fn every_piece_of_two_jobs_runs_once_before_run_returns() {
    check(3, || {
        let mut pool = pool(2);
        run_and_count(&mut pool, 2);
        run_and_count(&mut pool, 2);
    });
}

#[test]
fn every_piece_runs_once_with_two_workers() {
    check(2, || {
        let mut pool = pool(3);
        run_and_count(&mut pool, 3);
    });
}

/// Runs a job of two pieces that wait for each other: it ends only if the worker is woken.
fn run_on_both_threads(pool: &mut Pool) {
    let (arrived, both) = (LoomMutex::new(0), Condvar::new());
    pool.run(2, &|_, _| {
        let mut arrived = arrived.lock().unwrap();
        *arrived += 1;
        both.notify_one();
        while *arrived < 2 {
            arrived = both.wait(arrived).unwrap();
        }
    });
}

#[test]
fn a_parked_worker_is_woken_for_each_job() {
    check(3, || {
        let mut pool = pool(2);
        run_on_both_threads(&mut pool);
        run_on_both_threads(&mut pool);
    });
}

/// The caller can finish the first job alone, while the worker is still about to start it.
#[test]
fn a_parked_worker_is_woken_after_a_job_that_it_missed() {
    check(3, || {
        let mut pool = pool(2);
        run_and_count(&mut pool, 2);
        run_on_both_threads(&mut pool);
    });
}

#[test]
fn a_panic_is_reported_and_the_pool_stays_usable() {
    for bad in 0..2 {
        check(2, move || {
            let mut pool = pool(2);
            let runs = AtomicUsize::new(0);
            let run = catch_unwind(AssertUnwindSafe(|| {
                pool.run(2, &|_, piece| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    if piece == bad {
                        // Does not call the panic hook, so nothing is printed.
                        resume_unwind(Box::new("expected"));
                    }
                });
            }));
            assert_eq!(*run.unwrap_err().downcast::<&str>().unwrap(), "expected");
            assert_eq!(runs.load(Ordering::Relaxed), 2);
            run_and_count(&mut pool, 2);
        });
    }
}

#[test]
fn dropping_the_pool_ends_its_workers() {
    check(3, || drop(pool(3)));
}
