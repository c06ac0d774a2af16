//! Many generations at once.

use crate::forward::{StepResult, forward_batch};
use crate::generation::Action;
use crate::sequence_cache::common_prefix_len;
use crate::{CancelHandle, Event, GenerateError, Generation};
use std::collections::VecDeque;

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
    /// Those that have not ended, with their places.
    running: Vec<(usize, Generation)>,
    pushed: usize,
    cancel_handle: CancelHandle,
    /// Not yet handed out.
    events: VecDeque<(usize, Result<Event, GenerateError>)>,
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
        self.running.push((place, generation));
        place
    }

    /// How many generations have not ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Those that have not ended.
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.running.iter().map(|(_, generation)| generation)
    }

    /// Ends all of them, as [`Generation::cancel`] does.
    pub fn cancel(&mut self) {
        for (_, generation) in &mut self.running {
            generation.cancel();
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
        while let Some((place, generation)) = self.running.get_mut(at) {
            match generation.poll() {
                Action::Emit(event) => self.events.push_back((*place, Ok(event))),
                Action::Forward => at += 1,
                Action::Finish => {
                    let (place, generation) = self.running.remove(at);
                    let finished = Event::Finished(generation.into_finished());
                    self.events.push_back((place, Ok(finished)));
                }
                Action::Stop => {
                    drop(self.running.remove(at));
                }
            }
        }
    }

    /// Takes all one token further, but those that wait for what another is about to compute.
    fn forward(&mut self) {
        let waits = share_prefixes(&mut self.running);
        let ready = self.running.iter_mut().zip(waits);
        let mut ready: Vec<_> = ready
            .filter_map(|(one, waits)| (!waits).then_some(one))
            .collect();
        while let Some((_, first)) = ready.first() {
            let model = std::ptr::from_ref(first.model());
            let same_model = |(_, one): &&mut (usize, Generation)| std::ptr::eq(one.model(), model);
            let (mut group, others): (Vec<_>, _) = ready.into_iter().partition(same_model);
            ready = others;
            let mut generations: Vec<_> = group.iter_mut().map(|(_, one)| one).collect();
            let results: Vec<StepResult> = forward_batch(&mut generations);
            for ((place, _), result) in group.into_iter().zip(results) {
                let event = result.transpose();
                self.events.extend(event.map(|event| (*place, event)));
            }
        }
    }
}

/// Lets each generation that is about to begin adopt the cache of one before it that has the same
/// prompt. Returns for each whether it waits because one before it is only about to compute it.
fn share_prefixes(running: &mut [(usize, Generation)]) -> Vec<bool> {
    let mut waits = vec![false; running.len()];
    for at in 0..running.len() {
        let (before, rest) = running.split_at_mut(at);
        let Some((_, one)) = rest.first_mut().filter(|(_, one)| one.is_first_step()) else {
            continue;
        };
        let window = one.window();
        // What hardly helps is not worth a copy of the cache.
        let least = one.cache().common_prefix_len(window).max(window.len() / 2);
        let same_model = |donor: &Generation| std::ptr::eq(donor.model(), one.model());
        let donors = || before.iter().map(|(_, donor)| donor).enumerate();
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
            self.poll();
            if self.events.is_empty() {
                if self.running.is_empty() {
                    return None;
                }
                self.forward();
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
