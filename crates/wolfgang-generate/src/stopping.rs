//! Stopping criteria and cancellation by the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Decides after each token whether to end the generation. The token is part of the text.
///
/// Implemented for every `FnMut(&StoppingContext<'_>) -> bool` that is `Send`. It is not called for
/// tokens that end the generation for another reason: end ids, stop tokens and those that complete
/// a stop string.
pub trait StoppingCriterion: Send {
    /// Returns whether to end the generation.
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool;
}

impl<F: FnMut(&StoppingContext<'_>) -> bool + Send> StoppingCriterion for F {
    fn is_met(&mut self, context: &StoppingContext<'_>) -> bool {
        self(context)
    }
}

/// The state of a generation, passed to [`StoppingCriterion::is_met`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoppingContext<'a> {
    /// The ids of the prompt.
    pub prompt: &'a [u32],
    /// The ids generated so far.
    pub generated: &'a [u32],
    /// The text returned so far, without buffered text.
    pub text: &'a str,
}

/// Cancels a generation or a batch from anywhere: another thread, a signal handler, a closed
/// connection.
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(Arc<AtomicBool>);

impl CancelHandle {
    /// Cancels the generation before its next token. It then returns the buffered text, if there is
    /// any, and [`Event::Finished`](crate::Event::Finished).
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
