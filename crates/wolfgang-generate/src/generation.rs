//! The generation loop.

mod begin;
mod constrained;
mod end;
mod input;
mod progress;
mod prompt_scorer;
mod token;

pub(crate) use begin::seed;
pub(crate) use progress::Progress;

use crate::context_window::ContextWindow;
use crate::explanation::{Explainer, Explanation};
use crate::forward::{StepResult, forward_batch};
use crate::logprobs::{LogprobsBuilder, TokenLogprobs};
use crate::output_buffer::OutputBuffer;
use crate::score::{MAX_LOGITS_ROWS, Score};
use crate::sequence_cache::CacheLease;
use crate::stopping::{CancelHandle, StoppingCriterion};
use crate::{
    ContextOverflow, FinishReason, GenerateError, GenerateOptions, Summary, Timing,
    WolfgangGenerator,
};
use constrained::Constrained;
use prompt_scorer::PromptScorer;
use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};
use wolfgang_sampling::{LogitsProcessor, Sampler};

/// An event of a generation: any number of `Text`, then exactly one `Finished`, unless an error
/// ends the generation. `PromptLogprobs` comes before the first generated text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The next piece of the text.
    #[non_exhaustive]
    Text {
        /// Complete UTF-8 characters. Empty if `ids` have no text (yet). Such ids are returned when
        /// there are 16 of them, at the end of the generation, when a stop string is removed, or as
        /// an included prompt.
        text: String,
        /// The ids of this piece.
        ids: Vec<u32>,
        /// Log-probabilities of the generated ids among `ids`, if [`GenerateOptions::logprobs`] is
        /// set. Ids of the prompt have none.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        logprobs: Vec<TokenLogprobs>,
        /// Explanations of the generated ids among `ids`, if [`GenerateOptions::explain`] is set.
        /// Ids of the prompt have none.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        explanations: Vec<Explanation>,
    },
    /// The log-probabilities of the prompt, if [`GenerateOptions::prompt_logprobs`] is set. They
    /// are those of [`WolfgangGenerator::score_with`], bit for bit on the CPU. Truncated prompt
    /// tokens and the first token after them have none.
    PromptLogprobs(Score),
    /// The end of the generation.
    Finished(Summary),
}

/// A generation in progress: an iterator of [`Event`]s.
///
/// It runs on the caller's thread, computes only while it is advanced, and stops when it is
/// dropped. It ends with one [`Event::Finished`] or one error. The error is
/// [`GenerateError::GenerationFailed`], which contains the summary of the text generated before.
///
/// A generation borrows nothing and is `Send + 'static`, so it can be stored or moved to another
/// thread:
///
/// ```
/// # use wolfgang_generate::{GenerateOptions, WolfgangGenerator};
/// # let generator = WolfgangGenerator::builder("../../models/faust").load()?;
/// let options = GenerateOptions::default().with_max_new_tokens(12);
/// let generation = generator.generate("Habe nun, ach!", &options)?;
/// let worker = std::thread::spawn(move || generation.into_summary());
/// println!("{}", worker.join().expect("no panic")?.text);
/// # Ok::<(), wolfgang_generate::GenerateError>(())
/// ```
#[must_use = "a generation is lazy: it generates only when its events are requested"]
pub struct Generation {
    generator: WolfgangGenerator,
    options: GenerateOptions,
    sampler: Sampler,
    seed: u64,
    output: OutputBuffer,
    cache: CacheLease,
    /// Memory for the next logits.
    logits_buffer: Vec<f32>,
    window: ContextWindow,
    /// How often the window was shifted for the last forward pass.
    context_shifts: usize,
    /// Number of prompt tokens that were in the cache when the prompt's computation started; `None`
    /// before that.
    cached_tokens: Option<usize>,
    /// Number of prompt tokens computed by this generation.
    computed_tokens: usize,
    criteria: Vec<Box<dyn StoppingCriterion>>,
    cancel_handle: CancelHandle,
    catches_panics: bool,
    /// When the generation first became ready for a forward pass.
    begun: Option<Instant>,
    /// `None` if [`GenerateOptions::logprobs`] is not set.
    logprobs: Option<LogprobsBuilder>,
    /// `Some` until all logits of the prompt are computed, if
    /// [`GenerateOptions::prompt_logprobs`] is set.
    prompt_scorer: Option<PromptScorer>,
    prompt_logprobs: Option<Score>,
    /// Further events of the last forward pass: after the log-probabilities of the prompt, or of
    /// forced ids.
    later_events: VecDeque<Event>,
    /// The error of a forced id, which is returned after the events of those before it.
    later_error: Option<GenerateError>,
    constrained: Constrained,
    /// `None` if [`GenerateOptions::explain`] is not set.
    explainer: Option<Explainer>,
    /// Explanation of the token that ended the generation.
    stop_explanation: Option<Box<Explanation>>,
    timing: Timing,
    phase: Phase,
    /// The reason why it ended. `Cancelled` until then.
    reason: FinishReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The prompt has not been returned yet.
    Prompt,
    Generating,
    /// Buffered text has not been returned yet.
    Flushing,
    /// Only `Finished` has not been returned yet.
    Finishing,
    Done,
}

/// The next action of the caller of [`Generation::poll`].
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a return value that is matched at once; a box would be allocated for every event"
)]
pub(crate) enum Action {
    /// Return this event.
    Emit(Event),
    /// Run a forward pass of the model.
    Forward,
    /// Return the summary.
    Finish,
    /// Nothing: the generation is over.
    Stop,
}

impl Generation {
    pub(crate) fn new(
        generator: WolfgangGenerator,
        prompt: Vec<u32>,
        is_reply: bool,
        options: GenerateOptions,
        sampler: Sampler,
        seed: u64,
        cache: CacheLease,
    ) -> Self {
        let tokenizer = generator.tokenizer().clone();
        let window = ContextWindow {
            block_size: generator.model().config().block_size,
            prompt: prompt.len(),
            overflow: options.context_overflow,
        };
        let prompt_scorer = options.prompt_logprobs;
        let prompt_scorer = prompt_scorer.map(|alternatives| {
            PromptScorer::new(&generator, &prompt, window.truncated(), alternatives)
        });
        Self {
            generator,
            sampler,
            seed,
            output: OutputBuffer::new(tokenizer, prompt, is_reply, &options),
            cache,
            logits_buffer: Vec::new(),
            window,
            context_shifts: 0,
            cached_tokens: None,
            computed_tokens: 0,
            criteria: Vec::new(),
            cancel_handle: CancelHandle::default(),
            catches_panics: false,
            begun: None,
            logprobs: options.logprobs.map(LogprobsBuilder::new),
            prompt_scorer,
            prompt_logprobs: None,
            later_events: VecDeque::new(),
            later_error: None,
            constrained: Constrained::default(),
            explainer: options.explain.map(Explainer::new),
            stop_explanation: None,
            timing: Timing::default(),
            phase: Phase::Prompt,
            reason: FinishReason::Cancelled,
            options,
        }
    }

    /// Returns the seed, either [`GenerateOptions::seed`] or a random one.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of tokens at the beginning of the prompt that are truncated because the
    /// prompt exceeds the context.
    pub fn truncated_tokens(&self) -> usize {
        self.window.truncated()
    }

    /// Cancels the generation: the next events are the buffered text, if there is any, and
    /// [`Event::Finished`].
    pub fn cancel(&mut self) {
        if matches!(self.phase, Phase::Prompt | Phase::Generating) {
            self.end(FinishReason::Cancelled);
        }
    }

    /// Returns a handle that cancels the generation from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Adds a stopping criterion. The generation ends with [`FinishReason::Criterion`] when it is
    /// met.
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.criteria.push(Box::new(criterion));
        self
    }

    /// Adds a logits processor, which runs as [step 8](wolfgang_sampling#the-order) of the sampling
    /// chain.
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.sampler = self.sampler.with_processor(processor);
        self
    }

    /// Runs the generation to its end and returns the summary, which includes the events read
    /// before. If the iterator has returned an error before, this is the summary of the text
    /// generated until then, with [`FinishReason::Error`].
    ///
    /// # Errors
    /// [`GenerateError::GenerationFailed`], which contains that summary.
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {
        loop {
            match self.poll() {
                Action::Emit(_) => {}
                Action::Forward => {
                    self.forward()?;
                }
                Action::Finish | Action::Stop => return Ok(self.into_finished()),
            }
        }
    }

    fn end(&mut self, reason: FinishReason) {
        self.reason = reason;
        self.phase = Phase::Flushing;
    }

    /// The reason not to generate a further token, if there is one.
    fn over(&self) -> Option<FinishReason> {
        let generated = self.output.generated().len();
        let is_late = |max: Duration| self.begun.is_some_and(|begun| begun.elapsed() >= max);
        if self.cancel_handle.is_cancelled() {
            Some(FinishReason::Cancelled)
        } else if self.is_constraint_complete() {
            Some(FinishReason::ConstraintComplete)
        } else if generated >= self.options.max_new_tokens && !self.scores_prompt() {
            Some(FinishReason::MaxTokens)
        } else if self.options.max_time.is_some_and(is_late) {
            Some(FinishReason::MaxTime)
        } else {
            let overflows = self.output.ids().len() > self.window.block_size;
            let stops = self.options.context_overflow == ContextOverflow::Stop && generated > 0;
            (overflows && stops).then_some(FinishReason::ContextFull)
        }
    }

    /// Advances until the caller must act.
    pub(crate) fn poll(&mut self) -> Action {
        if let Some(event) = self.later_events.pop_front() {
            return Action::Emit(event);
        }
        loop {
            let event = match self.phase {
                Phase::Prompt => {
                    self.phase = Phase::Generating;
                    self.cache.take();
                    self.later_error = self.update_constraint().err();
                    self.output.begin()
                }
                Phase::Generating => {
                    self.begun.get_or_insert_with(Instant::now);
                    match self.over() {
                        Some(reason) => self.end(reason),
                        None => return Action::Forward,
                    }
                    None
                }
                Phase::Flushing => {
                    self.phase = Phase::Finishing;
                    let (rest, stop) = self.output.finish();
                    self.reason = stop.map_or(self.reason, FinishReason::StopString);
                    rest
                }
                Phase::Finishing => {
                    self.phase = Phase::Done;
                    // Forced ids that were not sampled, because the text ended before.
                    let computed = self.cache().common_prefix_len(self.window());
                    self.cache.get_mut().truncate(computed);
                    self.cache.give_back();
                    return Action::Finish;
                }
                Phase::Done => return Action::Stop,
            };
            if let Some(event) = event {
                return Action::Emit(event);
            }
        }
    }

    /// Runs a forward pass for this generation alone.
    fn forward(&mut self) -> StepResult {
        let mut rows = self.pending_rows();
        if self.scores_prompt() {
            rows = rows.min(MAX_LOGITS_ROWS);
        }
        let mut results = forward_batch(vec![(self, rows)]).into_iter();
        results.next().unwrap_or(Ok(None))
    }
}

impl Iterator for Generation {
    type Item = Result<Event, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.poll() {
                Action::Emit(event) => return Some(Ok(event)),
                Action::Forward => {
                    if let Some(result) = self.forward().transpose() {
                        return Some(result);
                    }
                }
                // Copied, because `into_summary` returns the text, too.
                Action::Finish => return Some(Ok(Event::Finished(self.summary()))),
                Action::Stop => return None,
            }
        }
    }
}

impl FusedIterator for Generation {}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("phase", &self.phase)
            .field("prompt_tokens", &self.output.prompt().len())
            .field("generated_tokens", &self.output.generated().len())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
