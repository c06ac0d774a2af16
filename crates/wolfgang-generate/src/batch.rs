//! Several generations with one forward pass per token.

use crate::forward::{StepResult, forward_batch};
use crate::generation::{Action, seed};
use crate::score::MAX_LOGITS_ROWS;
use crate::sequence_cache::{MIN_SHARED_PREFIX, common_prefix_len};
use crate::{
    CancelHandle, Event, GenerateError, GenerateOptions, Generation, Prompt, WolfgangGenerator,
};
use std::collections::VecDeque;
use std::num::NonZeroUsize;

/// Maximum `n` of [`WolfgangGenerator::generate_n`]. Each sample has a KV cache, so a mistyped
/// number would exhaust the memory.
const MAX_SAMPLES: usize = 256;

/// Runs several generations with shared forward passes: each pass reads the weights once for all of
/// them. On the CPU, a few generations in a batch are several times as fast as one after the other.
///
/// An iterator of pairs: the index of a generation, in the order in which they were pushed, and its
/// next event. Batching does not change results: each generation returns the events that it returns
/// alone (on other devices than the CPU, logits are equal up to rounding where a common prompt is
/// shared). Finished generations leave the batch, and more can be pushed at any time. An error in
/// one generation does not affect the others, except an error of the model, which ends all
/// generations in that forward pass.
///
/// A prompt reuses the KV cache of an earlier generation of the batch if they share a prefix of at
/// least 16 tokens or of more than half of the prompt. If the earlier prompt is not computed yet,
/// it waits for it if the prefix is more than half of it.
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
/// Processors and stopping criteria are added to a generation before it is pushed
/// (`generator.generate(..)?.with_processor(..).with_stopping(..)`). [`Generation::cancel_handle`]
/// cancels a single generation.
#[derive(Debug, Default)]
#[must_use = "a batch is lazy: it generates only when its events are requested"]
pub struct Batch {
    /// The running generations, in the order in which they were pushed.
    running: Vec<Running>,
    pushed: usize,
    /// Without a limit if `None`.
    max_prefill_rows: Option<NonZeroUsize>,
    /// Number of forward passes so far.
    passes: u64,
    cancel_handle: CancelHandle,
    /// Events that have not been returned yet.
    events: VecDeque<(usize, Result<Event, GenerateError>)>,
}

/// Prompt rows of a pass that delays no decoding generation: as many as the CPU kernels compute
/// with one read of the weights. A whole prompt would delay cancellations and new requests.
const ROWS_WITHOUT_DECODING: usize = 256;

#[derive(Debug)]
struct Running {
    /// Index in the order in which generations were pushed.
    place: usize,
    generation: Generation,
    /// Number of passes when it was pushed or last got its logits. Prompts with lower numbers are
    /// computed first.
    waiting_since: u64,
}

impl WolfgangGenerator {
    /// Starts `n` generations from the same prompt, which is computed once. `n` is at most 256.
    /// Their seeds are consecutive numbers from [`GenerateOptions::seed`] or from a random one;
    /// each summary contains its seed, with which [`generate`](Self::generate) returns the same
    /// text.
    ///
    /// To add processors or stopping criteria, push single generations to a [`Batch`], which
    /// computes their common prompt only once, too.
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), and [`GenerateError::SampleCount`].
    pub fn generate_n<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
        n: usize,
    ) -> Result<Batch, GenerateError> {
        if n == 0 || n > MAX_SAMPLES {
            let limit = MAX_SAMPLES;
            return Err(GenerateError::SampleCount { n, limit });
        }
        let prompt = prompt.into().encode(self.tokenizer())?;
        let first = seed(options)?;
        let generation = |i: usize| {
            let options = GenerateOptions {
                seed: Some(first.wrapping_add(i as u64)),
                ..options.clone()
            };
            self.generate(&prompt, &options)
        };
        (0..n).map(generation).collect()
    }
}

impl Batch {
    /// Creates an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generation, started or not, and returns its index.
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

    /// Sets the maximum number of prompt rows in a forward pass with decoding generations. Longer
    /// prompts are computed in chunks over several passes, so that they do not delay the next
    /// tokens of the decoding generations. While none decodes, a pass has at least 256 rows.
    /// The limit also applies to the windows that
    /// [`ContextOverflow::SlidingWindow`](crate::ContextOverflow) recomputes. Chunks do not change
    /// the text. Default: `None`, a pass computes whole prompts.
    pub fn with_max_prefill_rows(mut self, rows: impl Into<Option<NonZeroUsize>>) -> Self {
        self.max_prefill_rows = rows.into();
        self
    }

    /// Returns the number of generations that have not ended.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// Returns the generations that have not ended.
    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.running.iter().map(|one| &one.generation)
    }

    /// Returns the generations that have not ended, and their indices.
    pub(crate) fn generations_with_places(&self) -> impl Iterator<Item = (usize, &Generation)> {
        self.running.iter().map(|one| (one.place, &one.generation))
    }

    /// Cancels all generations, as [`Generation::cancel`] does.
    pub fn cancel(&mut self) {
        for one in &mut self.running {
            one.generation.cancel();
        }
    }

    /// Returns a handle that cancels all generations from another thread, including those pushed
    /// later.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Collects the events that need no forward pass, and removes the generations that are over.
    pub(crate) fn poll(&mut self) {
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

    /// Removes and returns the oldest event of [`poll`](Self::poll) and [`forward`](Self::forward).
    pub(crate) fn pop_event(&mut self) -> Option<(usize, Result<Event, GenerateError>)> {
        self.events.pop_front()
    }

    /// Runs one forward pass for each model, and removes the generations that fail.
    pub(crate) fn forward(&mut self) {
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
                if rows == one.generation.pending_rows() {
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
        self.running.retain(|one| !one.generation.is_over());
    }

    /// Returns the number of rows that the next pass computes for each generation. Each decoding
    /// generation gets one row; prompts share the limit, those that have waited longest first.
    fn plan(&mut self) -> Vec<usize> {
        let waits = share_prefixes(&mut self.running);
        let pending = self.running.iter().zip(waits);
        let pending = pending.map(|(one, waits)| match waits {
            true => 0,
            false => one.generation.pending_rows(),
        });
        let mut rows: Vec<usize> = pending.collect();
        let mut left = match self.max_prefill_rows {
            None => usize::MAX,
            Some(limit) if rows.contains(&1) => limit.get(),
            Some(limit) => limit.get().max(ROWS_WITHOUT_DECODING),
        };
        let mut left_with_logits = MAX_LOGITS_ROWS;
        let mut prompts: Vec<usize> = (0..rows.len()).filter(|at| rows[*at] > 1).collect();
        prompts.sort_by_key(|at| self.running[*at].waiting_since);
        for at in prompts {
            rows[at] = rows[at].min(left);
            if self.running[at].generation.scores_prompt() {
                rows[at] = rows[at].min(left_with_logits);
                left_with_logits -= rows[at];
            }
            left -= rows[at];
        }
        rows
    }
}

/// Lets each unstarted generation adopt the cache of an earlier one with a common prefix. Returns
/// for each whether it must wait because an earlier generation is about to compute that prefix.
fn share_prefixes(running: &mut [Running]) -> Vec<bool> {
    let mut waits = vec![false; running.len()];
    for at in 0..running.len() {
        let (before, rest) = running.split_at_mut(at);
        let unstarted = rest.first_mut().map(|one| &mut one.generation);
        let Some(one) = unstarted.filter(|one| one.can_adopt_cache()) else {
            continue;
        };
        let window = one.window();
        let own = one.cache().common_prefix_len(window);
        // To wait is worth it for a large part of the prompt, a copy of a cache for a few tokens.
        let worth_waiting = own.max(window.len() / 2);
        let worth_a_copy = own.max(worth_waiting.min(MIN_SHARED_PREFIX - 1));
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
        if coming.is_some_and(|coming| coming > known.max(worth_waiting)) {
            waits[at] = true;
        } else if let Some(donor) = donor.filter(|_| known > worth_a_copy) {
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
