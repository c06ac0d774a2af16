//! Many generations at once.

use crate::forward::{StepResult, forward_batch};
use crate::generation::Action;
use crate::sequence_cache::common_prefix_len;
use crate::{CancelHandle, Event, GenerateError, Generation};
use std::collections::VecDeque;
use std::num::NonZeroUsize;

/// Generations that go forward together: each pass of the model reads the weights once for all of them, so that on the CPU
/// a few are several times as fast as one after the other.
///
/// An iterator of their events, each with the place of its generation in the order in which they
/// were pushed. Each generation hands out exactly what it would alone (other devices than the CPU:
/// up to rounding, where it takes over a common prompt), at its own end leaves the batch, and
/// others may be pushed at any time. An error in one does not affect the others, except an error of
/// the model, which ends all that run.
///
/// What several prompts have in common, if it is at least half of the prompt, is computed for the first of them only.
///
/// ```
/// use wolfgang_generate::{Batch, Device, Event, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let options = GenerateOptions::default().with_max_new_tokens(12);
/// let mut batch = Batch::new();
/// for prompt in ["Habe nun, ach!", "Wer reitet so spät"] {
///     batch.push(generator.generate(prompt, &options)?);
/// }
/// for (place, event) in batch {
///     if let Event::Finished(summary) = event? {
///         println!("{place}: {}", summary.text);
///     }
/// }
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
///
/// Whatever one generation can have, each can have in a batch: processors and stopping criteria are
/// given to it before it is pushed
/// (`generator.generate(..)?.with_processor(..).with_stopping(..)`), and a
/// [`Generation::cancel_handle`] ends it alone.
#[derive(Debug, Default)]
#[must_use = "a batch is lazy: it generates only when its events are asked for"]
pub struct Batch {
    /// Those that have not ended, in the order in which they were pushed.
    running: Vec<Running>,
    pushed: usize,
    /// `None` is without a limit.
    max_prefill_rows: Option<NonZeroUsize>,
    /// Forward passes so far.
    passes: u64,
    cancel_handle: CancelHandle,
    /// Not yet handed out.
    events: VecDeque<(usize, Result<Event, GenerateError>)>,
}

#[derive(Debug)]
struct Running {
    /// Its place in the order in which generations were pushed.
    place: usize,
    generation: Generation,
    /// The pass before which it was pushed, or that last completed a window of several rows for it.
    waiting_since: u64,
}

impl Batch {
    /// A batch without generations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generation, begun or not, and returns its place.
    pub fn push(&mut self, generation: Generation) -> usize {
        let place = self.pushed;
        self.pushed += 1;
        self.running.push(Running {
            place,
            generation,
            waiting_since: self.passes,
        });
        place
    }

    /// Limits how many rows of prompts one forward pass computes, so that a long prompt does not
    /// delay the next tokens of other generations: it is computed in chunks, in as many passes as it
    /// takes. The same limit holds for windows that
    /// [`ContextOverflow::SlidingWindow`](crate::ContextOverflow) computes afresh. Default `None`: a
    /// pass computes whole prompts. Chunks change no text.
    pub fn with_max_prefill_rows(mut self, rows: impl Into<Option<NonZeroUsize>>) -> Self {
        self.max_prefill_rows = rows.into();
        self
    }

    /// How many generations have not ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Those that have not ended.
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.running.iter().map(|one| &one.generation)
    }

    /// Ends all of them, as [`Generation::cancel`] does.
    pub fn cancel(&mut self) {
        for one in &mut self.running {
            one.generation.cancel();
        }
    }

    /// A handle that cancels all of them from another thread, those pushed later, too.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Collects what is ready without the model; those that have nothing more to say leave.
    fn poll(&mut self) {
        if self.cancel_handle.is_cancelled() {
            self.cancel();
        }
        let mut at = 0;
        while let Some(one) = self.running.get_mut(at) {
            match one.generation.poll() {
                Action::Emit(event) => self.events.push_back((one.place, Ok(event))),
                Action::Forward => at += 1,
                Action::Finish => {
                    let one = self.running.remove(at);
                    let finished = Event::Finished(one.generation.into_finished());
                    self.events.push_back((one.place, Ok(finished)));
                }
                Action::Stop => {
                    drop(self.running.remove(at));
                }
            }
        }
    }

    /// Makes the next events: those that are ready, or those of one forward pass, which may make
    /// none.
    pub(crate) fn advance(&mut self) {
        self.poll();
        if self.events.is_empty() {
            self.forward();
        }
    }

    /// An event that [`advance`](Self::advance) has made.
    pub(crate) fn pop_event(&mut self) -> Option<(usize, Result<Event, GenerateError>)> {
        self.events.pop_front()
    }

    /// One forward pass for each model.
    fn forward(&mut self) {
        let rows = self.plan();
        self.passes += 1;
        let passes = self.passes;
        let ready = self.running.iter_mut().zip(rows);
        let mut ready: Vec<_> = ready.filter(|(_, rows)| *rows > 0).collect();
        while let Some((first, _)) = ready.first() {
            let model = std::ptr::from_ref(first.generation.model());
            let same_model =
                |(one, _): &(&mut Running, usize)| std::ptr::eq(one.generation.model(), model);
            let (group, others): (Vec<_>, _) = ready.into_iter().partition(same_model);
            ready = others;
            let mut places = Vec::with_capacity(group.len());
            let generations = group.into_iter().map(|(one, rows)| {
                if rows > 1 && rows == one.generation.pending_rows() {
                    one.waiting_since = passes;
                }
                places.push(one.place);
                (&mut one.generation, rows)
            });
            let results: Vec<StepResult> = forward_batch(generations.collect());
            for (place, result) in places.into_iter().zip(results) {
                let event = result.transpose();
                self.events.extend(event.map(|event| (place, event)));
            }
        }
    }

    /// How many rows the next pass computes for each generation. Those that decode get their row;
    /// prompts share what the limit allows, those that wait longest first.
    fn plan(&mut self) -> Vec<usize> {
        let waits = share_prefixes(&mut self.running);
        let pending = self.running.iter().zip(waits);
        let pending = pending.map(|(one, waits)| match waits {
            true => 0,
            false => one.generation.pending_rows(),
        });
        let mut rows: Vec<usize> = pending.collect();
        if let Some(limit) = self.max_prefill_rows {
            let mut left = limit.get();
            let mut prompts: Vec<usize> = (0..rows.len()).filter(|at| rows[*at] > 1).collect();
            prompts.sort_by_key(|at| self.running[*at].waiting_since);
            for at in prompts {
                rows[at] = rows[at].min(left);
                left -= rows[at];
            }
        }
        rows
    }
}

/// Lets each generation that is about to begin adopt the cache of one before it that has the same
/// prompt. Returns for each whether it waits because one before it is only about to compute it.
fn share_prefixes(running: &mut [Running]) -> Vec<bool> {
    let mut waits = vec![false; running.len()];
    for at in 0..running.len() {
        let (before, rest) = running.split_at_mut(at);
        let unstarted = rest.first_mut().map(|one| &mut one.generation);
        let Some(one) = unstarted.filter(|one| one.is_unstarted()) else {
            continue;
        };
        let window = one.window();
        // What hardly helps is not worth a copy of the cache.
        let least = one.cache().common_prefix_len(window).max(window.len() / 2);
        let same_model = |donor: &Generation| std::ptr::eq(donor.model(), one.model());
        let donors = || before.iter().map(|donor| &donor.generation).enumerate();
        let donors = || donors().filter(|(_, donor)| same_model(donor));
        let done = donors().map(|(_, donor)| (donor.cache().common_prefix_len(window), donor));
        let done = done.max_by_key(|(common, _)| *common);
        let coming = donors().filter(|(place, donor)| donor.is_first_step() && !waits[*place]);
        let coming = coming
            .map(|(_, donor)| common_prefix_len(donor.window(), window))
            .max();
        let (known, donor) = done.map_or((0, None), |(known, donor)| (known, Some(donor)));
        if coming.is_some_and(|coming| coming > known.max(least)) {
            waits[at] = true;
        } else if let Some(donor) = donor.filter(|_| known > least) {
            one.adopt_cache(donor.cache().clone());
        }
    }
    waits
}

impl Iterator for Batch {
    type Item = (usize, Result<Event, GenerateError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            self.advance();
            if self.events.is_empty() && self.running.is_empty() {
                return None;
            }
        }
    }
}

impl FromIterator<Generation> for Batch {
    fn from_iter<I: IntoIterator<Item = Generation>>(generations: I) -> Self {
        let mut batch = Self::new();
        for generation in generations {
            batch.push(generation);
        }
        batch
    }
}
