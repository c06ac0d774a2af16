//! Many generations at once.

use crate::computed::common;
use crate::generation::Next;
use crate::pass::{Passed, pass};
use crate::{CancelHandle, Event, GenerateError, Generation};
use std::collections::VecDeque;

/// Generations that go forward together: each pass of the model reads the weights once for all of them, so that on the CPU
/// a few are several times as fast as one after the other.
///
/// An iterator of their events, each with the place of its generation in the order in which they were pushed. Each
/// generation hands out exactly what it would alone (other devices than the CPU: up to rounding, where it takes over a
/// common prompt), at its own end leaves the batch, and others may be pushed at any time. Its own error ends a generation
/// and none of the others; the model's ends all that run.
///
/// What several prompts have in common, if it is at least half of the prompt, is computed for the first of them only.
///
/// ```
/// use wolfgang_generate::{Batch, Device, Event, GenerateOptions, WolfgangGenerator};
///
/// let generator = WolfgangGenerator::from_path("../../models/faust", &Device::flex())?;
/// let options = GenerateOptions { max_new_tokens: 12, ..Default::default() };
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
/// Whatever one generation can have, each can have in a batch: processors and stopping criteria are given to it before it
/// is pushed (`generator.generate(..)?.with_processor(..).with_stopping(..)`), and a [`Generation::cancel_handle`] ends it
/// alone.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// Those that have not ended, with their places.
    running: Vec<(usize, Generation<'a>)>,
    pushed: usize,
    cancel_handle: CancelHandle,
    /// Not yet handed out.
    events: VecDeque<(usize, Result<Event, GenerateError>)>,
}

impl<'a> Batch<'a> {
    /// A batch without generations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generation, begun or not, and returns its place.
    pub fn push(&mut self, generation: Generation<'a>) -> usize {
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
    pub fn generations(&self) -> impl Iterator<Item = &Generation<'a>> {
        self.running.iter().map(|(_, generation)| generation)
    }

    /// Ends all of them, as [`Generation::cancel`] does.
    pub fn cancel(&mut self) {
        for (_, generation) in &mut self.running {
            generation.cancel();
        }
    }

    /// What cancels all of them from another thread, those pushed later, too.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Collects what is ready without the model; those that have nothing more to say leave.
    fn poll(&mut self) {
        if self.cancel_handle.is_cancelled() {
            self.cancel();
        }
        let events = &mut self.events;
        self.running.retain_mut(|(place, generation)| {
            loop {
                match generation.poll() {
                    Next::Event(event) => events.push_back((*place, Ok(event))),
                    Next::Pass => return true,
                    Next::Nothing => return false,
                }
            }
        });
    }

    /// Takes all one token further, but those that wait for what another is about to compute.
    fn pass(&mut self) {
        let waits = share(&mut self.running);
        let ready = self.running.iter_mut().zip(waits);
        let mut ready: Vec<_> = ready
            .filter_map(|(one, waits)| (!waits).then_some(one))
            .collect();
        while let Some(model) = ready.first().map(|(_, first)| first.model()) {
            let same_model =
                |(_, one): &&mut (usize, Generation<'a>)| std::ptr::eq(one.model(), model);
            let (mut group, others): (Vec<_>, _) = ready.into_iter().partition(same_model);
            ready = others;
            let mut generations: Vec<_> = group.iter_mut().map(|(_, one)| one).collect();
            let passed: Vec<Passed> = pass(&mut generations);
            for ((place, _), passed) in group.into_iter().zip(passed) {
                let event = passed.transpose();
                self.events.extend(event.map(|event| (*place, event)));
            }
        }
    }
}

/// Lets each generation that is about to begin take over what one before it has computed of the same prompt. Returns for
/// each whether it waits because one before it is only about to.
fn share(running: &mut [(usize, Generation<'_>)]) -> Vec<bool> {
    let mut waits = vec![false; running.len()];
    for at in 0..running.len() {
        let (before, rest) = running.split_at_mut(at);
        let Some((_, one)) = rest.first_mut().filter(|(_, one)| one.begins()) else {
            continue;
        };
        let window = one.window();
        // What hardly helps is not worth a copy of the cache.
        let least = one.computed().common(window).max(window.len() / 2);
        let same_model = |mate: &Generation<'_>| std::ptr::eq(mate.model(), one.model());
        let mates = || before.iter().map(|(_, mate)| mate).enumerate();
        let mates = || mates().filter(|(_, mate)| same_model(mate));
        let done = mates().map(|(_, mate)| (mate.computed().common(window), mate));
        let done = done.max_by_key(|(common, _)| *common);
        let coming = mates().filter(|(place, mate)| mate.begins() && !waits[*place]);
        let coming = coming.map(|(_, mate)| common(mate.window(), window)).max();
        let (known, mate) = done.map_or((0, None), |(known, mate)| (known, Some(mate)));
        if coming.is_some_and(|coming| coming > known.max(least)) {
            waits[at] = true;
        } else if let Some(mate) = mate.filter(|_| known > least) {
            let computed = mate.computed().clone();
            one.take_over(computed);
        }
    }
    waits
}

impl Iterator for Batch<'_> {
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
                self.pass();
            }
        }
    }
}

impl<'a> FromIterator<Generation<'a>> for Batch<'a> {
    fn from_iter<I: IntoIterator<Item = Generation<'a>>>(generations: I) -> Self {
        let mut batch = Self::new();
        for generation in generations {
            batch.push(generation);
        }
        batch
    }
}
