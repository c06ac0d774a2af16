#![cfg(not(loom))]

use super::sync::SPIN_TIME;
use super::*;

fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
}

#[test]
fn every_piece_runs_once() {
    let rounds = if cfg!(miri) { 3 } else { 2000 };
    for threads in 1..=4 {
        let mut pool = pool(threads);
        assert_eq!(pool.threads(), threads);
        for round in 0..rounds {
            let pieces = round % 9;
            let runs: Vec<_> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
            pool.run(pieces, &|thread, piece| {
                assert!(thread < threads);
                runs[piece].fetch_add(1, Ordering::Relaxed);
            });
            let runs: Vec<_> = runs.into_iter().map(AtomicUsize::into_inner).collect();
            assert_eq!(runs, vec![1; pieces]);
        }
    }
}

#[test]
fn parked_threads_are_woken() {
    let mut pool = pool(2);
    for _ in 0..3 {
        std::thread::sleep(4 * SPIN_TIME);
        let threads = Mutex::new(Vec::new());
        // Each piece waits for the other, so both threads must run.
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
fn a_panic_reaches_the_caller_after_all_pieces_and_the_pool_stays_usable() {
    let mut pool = pool(3);
    for bad in 0..6 {
        let runs = AtomicUsize::new(0);
        let run = catch_unwind(AssertUnwindSafe(|| {
            pool.run(6, &|_, piece| {
                runs.fetch_add(1, Ordering::Relaxed);
                assert_ne!(piece, bad, "the message of piece {bad}");
            });
        }));
        let message = *run.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains(&format!("the message of piece {bad}")));
        assert_eq!(runs.into_inner(), 6);
    }
    let runs = AtomicUsize::new(0);
    pool.run(6, &|_, _| {
        runs.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(runs.into_inner(), 6);
}

#[test]
fn payloads_whose_destructors_panic_do_not_disturb_the_pool() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                resume_unwind(Box::new("a destructor"));
            }
        }
    }
    let mut pool = pool(3);
    let runs = AtomicUsize::new(0);
    let run = catch_unwind(AssertUnwindSafe(|| {
        pool.run(6, &|_, _| {
            runs.fetch_add(1, Ordering::Relaxed);
            resume_unwind(Box::new(Payload));
        });
    }));
    // Its destructor panics as well.
    std::mem::forget(run.unwrap_err());
    assert_eq!(runs.load(Ordering::Relaxed), 6);
    pool.run(6, &|_, _| {
        runs.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(runs.into_inner(), 12);
}

#[test]
fn a_panic_of_a_worker_is_reported_by_its_own_job_only() {
    let mut pool = pool(2);
    for _ in 0..if cfg!(miri) { 2 } else { 50 } {
        let barrier = std::sync::Barrier::new(2);
        let run = catch_unwind(AssertUnwindSafe(|| {
            pool.run(2, &|thread, _| {
                barrier.wait();
                if thread == 1 {
                    // Does not call the panic hook, so nothing is printed.
                    resume_unwind(Box::new(()));
                }
            });
        }));
        assert!(run.is_err());
        // Long enough for the worker to return from the previous job.
        pool.run(2, &|_, _| std::thread::sleep(4 * SPIN_TIME));
    }
}
