//! Stopping criteria and cancellation by the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Decides after each token whether the generation ends there. The token stays part of the text.
///
/// Any `FnMut(&StoppingContext<'_>) -> bool` that is `Send` is one.
pub trait StoppingCriterion: Send {
    /// Whether the generation ends here.
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool;
}

impl<F: FnMut(&StoppingContext<'_>) -> bool + Send> StoppingCriterion for F {
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool {
        self(context)
    }
}

/// The state of a generation that a [`StoppingCriterion`] decides by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoppingContext<'a> {
    /// The prompt's ids.
    pub prompt: &'a [u32],
    /// The ids generated so far, the newest last.
    pub generated: &'a [u32],
    /// The text handed out so far. What is held back is no part of it.
    pub text: &'a str,
}

/// Cancels a generation from anywhere: another thread, a signal handler, a closed connection.
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(Arc<AtomicBool>);

impl CancelHandle {
    /// Ends the generation before its next token: what was held back comes, and then the end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
