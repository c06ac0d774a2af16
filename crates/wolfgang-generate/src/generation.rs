//! The loop.

use crate::explanation::{Explainer, Explanation};
use crate::forward::{StepResult, forward_batch};
use crate::logprobs::{LogprobsBuilder, TokenLogprobs};
use crate::sequence_cache::{CacheLease, CacheSlot, Input, SequenceCache};
use crate::stopping::{CancelHandle, StoppingContext, StoppingCriterion};
use crate::transcript::{Content, Told, Transcript};
use crate::{
    ContextOverflow, FinishReason, GenerateError, GenerateOptions, Summary, Timing,
    WolfgangGenerator,
};
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wolfgang_model::WolfgangModel;
use wolfgang_sampling::{History, LogitsProcessor, Sampler};

/// What a generation returns: any number of `Text`, then exactly one `Finished`, unless an error
/// ends it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The next piece of the text.
    #[non_exhaustive]
    Text {
        /// Whole characters; empty only where ids have no text, or none yet: many in a row, some at the very end, or all
        /// of an included prompt.
        text: String,
        /// The ids that came with this piece.
        ids: Vec<u32>,
        /// How likely each of them was, if that was asked for; nothing is told of a prompt's.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        logprobs: Vec<TokenLogprobs>,
        /// How each of them came about, if that was asked for, as above.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
        explanations: Vec<Explanation>,
    },
    /// The end.
    Finished(Summary),
}

/// A generation in progress: an iterator of [`Event`]s.
///
/// It ends with one [`Event::Finished`] or one error. The error is
/// [`GenerateError::GenerationFailed`], which holds the summary of what was generated before.
#[must_use = "a generation is lazy: it generates only when its events are asked for"]
pub struct Generation {
    generator: WolfgangGenerator,
    options: GenerateOptions,
    sampler: Sampler,
    seed: u64,
    transcript: Transcript,
    cache: CacheLease,
    /// Tokens of the prompt that were in the cache when its computation started; `None` before.
    cached_tokens: Option<usize>,
    criteria: Vec<Box<dyn StoppingCriterion>>,
    cancel_handle: CancelHandle,
    catches_panics: bool,
    /// When the first event was asked for.
    begun: Option<Instant>,
    /// None unless they were asked for.
    logprobs: Option<LogprobsBuilder>,
    /// The same.
    explainer: Option<Explainer>,
    /// Of the token that ended it.
    stop_explanation: Option<Box<Explanation>>,
    timing: Timing,
    phase: Phase,
    /// Why it ended; a generation that nothing has ended counts as cancelled.
    reason: FinishReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The prompt has not been handed out yet.
    Prompt,
    Generating,
    /// What is held back must still be handed out.
    Flushing,
    /// Only `Finished` is left.
    Finishing,
    Done,
}

/// What the caller of [`Generation::poll`] does next.
#[derive(Debug)]
pub(crate) enum Action {
    /// Hands out this text.
    Emit(Event),
    /// Runs a forward pass of the model.
    Forward,
    /// Hands out the summary.
    Finish,
    /// Nothing: the generation is over.
    Stop,
}

impl Generation {
    pub(crate) fn new(
        generator: WolfgangGenerator,
        prompt: Vec<u32>,
        options: GenerateOptions,
        sampler: Sampler,
        seed: u64,
        cache: CacheLease,
    ) -> Self {
        let tokenizer = generator.tokenizer().clone();
        Self {
            generator,
            sampler,
            seed,
            transcript: Transcript::new(tokenizer, prompt, &options),
            cache,
            cached_tokens: None,
            criteria: Vec::new(),
            cancel_handle: CancelHandle::default(),
            catches_panics: false,
            begun: None,
            logprobs: options.logprobs.map(LogprobsBuilder::new),
            explainer: options.explain.map(Explainer::new),
            stop_explanation: None,
            timing: Timing::default(),
            phase: Phase::Prompt,
            reason: FinishReason::Cancelled,
            options,
        }
    }

    /// The seed in use, given or drawn.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Tokens at the beginning of the prompt that the model will not see, because its context is shorter.
    pub fn truncated_tokens(&self) -> usize {
        let prompt_tokens = self.transcript.prompt().len();
        prompt_tokens.saturating_sub(self.block_size())
    }

    /// Ends the generation: the next events are what was held back and [`Event::Finished`].
    pub fn cancel(&mut self) {
        if matches!(self.phase, Phase::Prompt | Phase::Generating) {
            self.end(FinishReason::Cancelled);
        }
    }

    /// A handle that cancels the generation from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Adds a stopping criterion. The generation ends with [`FinishReason::Criterion`] where it is
    /// met.
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.criteria.push(Box::new(criterion));
        self
    }

    /// Changes logits by a processor of the caller's, at the place that [`wolfgang_sampling`] names for such.
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.sampler = self.sampler.with_processor(processor);
        self
    }

    /// Runs to the end; the pieces are in the summary. After an error of the iterator it is the
    /// summary of what was generated before, with [`FinishReason::Error`].
    ///
    /// # Errors
    /// [`GenerateError::GenerationFailed`], which holds the same.
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

    /// Why no further token is begun, if so.
    fn over(&self) -> Option<FinishReason> {
        let generated = self.transcript.generated().len();
        let is_late = |max: Duration| self.begun.is_some_and(|begun| begun.elapsed() >= max);
        if self.cancel_handle.is_cancelled() {
            Some(FinishReason::Cancelled)
        } else if generated >= self.options.max_new_tokens {
            Some(FinishReason::MaxTokens)
        } else if self.options.max_time.is_some_and(is_late) {
            Some(FinishReason::MaxTime)
        } else {
            let overflows = self.transcript.ids().len() > self.block_size();
            let stops = self.options.context_overflow == ContextOverflow::Stop && generated > 0;
            (overflows && stops).then_some(FinishReason::ContextFull)
        }
    }

    /// Goes on until the caller has something to do.
    pub(crate) fn poll(&mut self) -> Action {
        loop {
            let event = match self.phase {
                Phase::Prompt => {
                    self.phase = Phase::Generating;
                    self.cache.take();
                    self.transcript.begin()
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
                    let (rest, stop) = self.transcript.finish();
                    self.reason = stop.map_or(self.reason, FinishReason::StopString);
                    rest
                }
                Phase::Finishing => {
                    self.phase = Phase::Done;
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

    pub(crate) fn model(&self) -> &WolfgangModel {
        self.generator.model()
    }

    fn block_size(&self) -> usize {
        self.model().config().block_size
    }

    /// Whether nothing has been generated yet.
    pub(crate) fn is_first_step(&self) -> bool {
        self.transcript.generated().is_empty()
    }

    /// Whether the model has computed nothing of the prompt for this generation yet.
    pub(crate) fn is_unstarted(&self) -> bool {
        self.cached_tokens.is_none()
    }

    /// The ids that the model sees.
    pub(crate) fn window(&self) -> &[u32] {
        let ids = self.transcript.ids();
        &ids[ids.len().saturating_sub(self.block_size())..]
    }

    pub(crate) fn cache(&self) -> &SequenceCache {
        self.cache.get()
    }

    /// Goes on from the cache of another generation.
    pub(crate) fn adopt_cache(&mut self, cache: SequenceCache) {
        *self.cache.get_mut() = cache;
    }

    /// Rows that the model must compute for the next logits: the ids of the window that are not
    /// cached.
    pub(crate) fn pending_rows(&self) -> usize {
        let window = self.window();
        window.len() - self.cache().reusable_len(window)
    }

    /// The model, and what it is to compute: the first `rows` pending ids.
    ///
    /// # Errors
    /// [`ModelError::NoMemory`](wolfgang_model::ModelError) if there is no room for a cache.
    pub(crate) fn pending_input(
        &mut self,
        rows: usize,
    ) -> Result<(&WolfgangModel, Input<'_>), GenerateError> {
        let ids = self.transcript.ids();
        let first = ids.len().saturating_sub(self.block_size());
        let window = &ids[first..];
        let model = self.generator.model();
        let cache = self.cache.get_mut();
        let cached = cache.reuse_prefix(window);
        self.cached_tokens.get_or_insert(cached);
        let end = window.len().min(cached.saturating_add(rows));
        let input = cache.input(model, &window[..end], end == window.len())?;
        Ok((model, input))
    }

    /// Goes one token further, alone.
    fn forward(&mut self) -> StepResult {
        let rows = self.pending_rows();
        let mut results = forward_batch(vec![(self, rows)]).into_iter();
        results.next().unwrap_or(Ok(None))
    }

    /// Counts the time of a forward pass, which computed the window or a part of it.
    pub(crate) fn on_forward(&mut self, took: Duration) {
        if self.is_first_step() {
            self.timing.prefill += took;
        } else {
            self.timing.decode += took;
        }
    }

    /// Chooses a token by the logits of the window's last position, `[vocab_size]`.
    pub(crate) fn on_logits(&mut self, logits: Vec<f32>) -> StepResult {
        let step = |this: &mut Self| {
            let (id, told) = this.sample(logits)?;
            Ok(this.push_token(id, told))
        };
        let result = if self.catches_panics {
            let unwound = catch_unwind(AssertUnwindSafe(|| step(self)));
            unwound.unwrap_or_else(|panic| Err(GenerateError::callback_panicked(&*panic)))
        } else {
            step(self)
        };
        result.map_err(|error| self.fail(error))
    }

    /// Turns a panic of a processor or of a criterion into an error of this generation.
    pub(crate) fn catch_panics(&mut self) {
        self.catches_panics = true;
    }

    /// Takes the cache from this slot when the generation starts, and gives it back at its end.
    /// Without effect on a generation of a session, which has a slot already.
    pub(crate) fn set_cache_slot(&mut self, slot: Arc<CacheSlot>) -> bool {
        self.cache.set_slot(slot)
    }

    /// Ends the generation by an error, which gets the summary of what was generated before.
    pub(crate) fn fail(&mut self, error: GenerateError) -> GenerateError {
        self.reason = FinishReason::Error;
        self.phase = Phase::Done;
        self.cache.give_back();
        // Text that was held back belongs to the summary.
        self.transcript.finish();
        GenerateError::GenerationFailed {
            source: Box::new(error),
            partial: Box::new(self.summary()),
        }
    }

    /// Draws, on the clock.
    fn sample(&mut self, mut logits: Vec<f32>) -> Result<(u32, Told), GenerateError> {
        let start = Instant::now();
        if let Some(builder) = &mut self.logprobs {
            builder.keep(&logits);
        }
        // Ids that pad the vocabulary stand for nothing.
        let known = self.generator.tokenizer().vocab_size();
        if let Some(padding) = logits.get_mut(known..) {
            padding.fill(f32::NEG_INFINITY);
        }
        let history = History::new(self.transcript.prompt(), self.transcript.generated());
        let id = match &mut self.explainer {
            None => self.sampler.sample(&mut logits, history),
            Some(Explainer { trace, .. }) => {
                self.sampler.sample_traced(&mut logits, history, trace)
            }
        }?;
        self.timing.decode += start.elapsed();
        let (logprobs, explainer) = (self.logprobs.as_ref(), self.explainer.as_ref());
        let told = Told {
            logprobs: logprobs.map(|builder| builder.of(id, &logits)),
            explanation: explainer.map(|explainer| explainer.of(id, &logits)),
        };
        Ok((id, told))
    }

    /// Ends by this token, or makes it part of the text. Returns what became text by it.
    fn push_token(&mut self, id: u32, told: Told) -> Option<Event> {
        let is_end = self.generator.end_ids().binary_search(&id).is_ok();
        if is_end && !self.options.ignore_eos {
            self.end(FinishReason::EndOfText);
            self.stop_explanation = told.explanation.map(Box::new);
            return None;
        }
        if self.options.stop_tokens.contains(&id) {
            self.end(FinishReason::StopToken(id));
            self.stop_explanation = told.explanation.map(Box::new);
            return None;
        }
        let (event, stop) = self.transcript.push(id, told);
        if let Some(index) = stop {
            self.reason = FinishReason::StopString(index);
            // What is held back came behind it.
            self.phase = Phase::Finishing;
        } else if let Some(index) = self.criterion_met() {
            self.end(FinishReason::Criterion(index));
        }
        event
    }

    /// The first criterion that is met.
    fn criterion_met(&mut self) -> Option<usize> {
        let context = StoppingContext {
            prompt: self.transcript.prompt(),
            generated: self.transcript.generated(),
            text: self.transcript.text(),
        };
        let criteria = self.criteria.iter_mut().enumerate();
        // All of them see every token.
        let met = criteria.filter_map(|(index, one)| one.is_met(&context).then_some(index));
        met.fold(None, |first, index| first.or(Some(index)))
    }

    fn summary(&self) -> Summary {
        Summary {
            stop_explanation: self.stop_explanation.clone(),
            ..self.summary_with(self.transcript.content())
        }
    }

    /// The summary of a generation that is over, without a copy.
    pub(crate) fn into_finished(mut self) -> Summary {
        let stop_explanation = self.stop_explanation.take();
        let mut summary = self.summary_with(Content::default());
        let content = self.transcript.into_content();
        summary.text = content.text;
        summary.ids = content.ids;
        summary.logprobs = content.logprobs;
        summary.explanations = content.explanations;
        Summary {
            stop_explanation,
            ..summary
        }
    }

    /// Everything but the explanation of the end.
    fn summary_with(&self, content: Content) -> Summary {
        let transcript = &self.transcript;
        Summary {
            reason: self.reason,
            text: content.text,
            ids: content.ids,
            logprobs: content.logprobs,
            explanations: content.explanations,
            stop_explanation: None,
            prompt_tokens: transcript.prompt().len(),
            truncated_tokens: self.truncated_tokens(),
            cached_tokens: self.cached_tokens.unwrap_or(0),
            generated_tokens: transcript.generated().len(),
            seed: self.seed,
            timing: self.timing,
        }
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
                // A copy: `into_summary` has it, too.
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
            .field("prompt_tokens", &self.transcript.prompt().len())
            .field("generated_tokens", &self.transcript.generated().len())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
