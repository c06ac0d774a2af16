//! All cores for one token.
//!
//! burn's `flex` computes the product of one row with a matrix on a single core, and hands larger work to rayon's
//! pool. `docs/performance.md` says what the functions here are worth.

/// Below this many weights, handing work to another core costs more than it saves.
const WORTH_SHARING: usize = 1 << 20;

/// Runs `work` on a thread of rayon's pool, where handing parts of it to the other threads costs least.
pub(crate) fn on_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// Runs both, each a product with `weights` weights, at the same time if that is worth it.
pub(crate) fn both<A: Send, B: Send>(
    weights: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    if weights < WORTH_SHARING {
        (a(), b())
    } else {
        rayon::join(a, b)
    }
}
