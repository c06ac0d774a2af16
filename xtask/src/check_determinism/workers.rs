//! Work on several threads.

use anyhow::anyhow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls a function with each of the items and its index, several at the same time, and returns the
/// results in the order of the items. After an error, no further item begins.
pub(super) fn for_all<T: Sync, R: Send>(
    items: &[T],
    workers: usize,
    function: impl Fn(usize, &T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(n) else {
                return Ok(results);
            };
            match function(n, item) {
                Ok(result) => results.push((n, result)),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut results = Vec::new();
        for worker in workers {
            let of_worker: anyhow::Result<Vec<_>> =
                worker.join().map_err(|_| anyhow!("a worker panicked"))?;
            results.extend(of_worker?);
        }
        results.sort_by_key(|(n, _)| *n);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    })
}
