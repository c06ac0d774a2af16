//! The loop.

use crate::computed::{Computed, Computing};
use crate::explanation::{Explainer, Explanation};
use crate::logprobs::{LogprobsBuilder, TokenLogprobs};
use crate::pass::{Passed, pass};
use crate::stopping::{CancelHandle, StoppingContext, StoppingCriterion};
use crate::transcript::{Told, Transcript};
use crate::{
    FinishReason, GenerateError, GenerateOptions, Overflow, Summary, Timing, WolfgangGenerator,
};
use std::time::{Duration, Instant};
use wolfgang_model::Wolfgang;
use wolfgang_sampling::{History, LogitsProcessor, Sampler};

/// What a generation hands out: any number of `Text`, then exactly one `Finished`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The next piece of the text.
    Text {
        /// Whole characters; empty only where ids have no text, or none yet: many in a row, some at the very end, or all
        /// of an included prompt.
        text: String,
        /// The ids that came with this piece.
        ids: Vec<u32>,
        /// How likely each of them was, if that was asked for; nothing is told of a prompt's.
        logprobs: Vec<TokenLogprobs>,
        /// How each of them came about, if that was asked for, as above.
        explanations: Vec<Explanation>,
    },
    /// The end.
    Finished(Summary),
}

/// A generation under way: an iterator of [`Event`]s. An error ends it.
pub struct Generation<'a> {
    generator: &'a WolfgangGenerator,
    options: GenerateOptions,
    sampler: Sampler,
    seed: u64,
    transcript: Transcript<'a>,
    computed: Computing<'a>,
    /// Tokens of the prompt that were computed already.
    reused_tokens: usize,
    criteria: Vec<Box<dyn StoppingCriterion>>,
    cancel_handle: CancelHandle,
    /// When the first event was asked for.
    begun: Option<Instant>,
    /// None unless they were asked for.
    logprobs: Option<LogprobsBuilder>,
    /// The same.
    explainer: Option<Explainer>,
    /// Of the token that ended it.
    ending: Option<Box<Explanation>>,
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

/// What a generation needs to go on.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing: here is an event.
    Event(Event),
    /// A pass of the model.
    Pass,
    /// It is over.
    Nothing,
}

impl<'a> Generation<'a> {
    pub(crate) fn new(
        generator: &'a WolfgangGenerator,
        prompt: Vec<u32>,
        options: GenerateOptions,
        sampler: Sampler,
        seed: u64,
        computed: Computing<'a>,
    ) -> Self {
        Self {
            generator,
            sampler,
            seed,
            transcript: Transcript::new(generator.tokenizer(), prompt, &options),
            computed,
            reused_tokens: 0,
            criteria: Vec::new(),
            cancel_handle: CancelHandle::default(),
            begun: None,
            logprobs: options.logprobs.map(LogprobsBuilder::new),
            explainer: options.explain.map(Explainer::new),
            ending: None,
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
    pub fn cut_tokens(&self) -> usize {
        let prompt_tokens = self.transcript.prompt().len();
        prompt_tokens.saturating_sub(self.block_size())
    }

    /// Ends the generation: the next events are what was held back and [`Event::Finished`].
    pub fn cancel(&mut self) {
        if matches!(self.phase, Phase::Prompt | Phase::Generating) {
            self.end(FinishReason::Cancelled);
        }
    }

    /// What cancels it from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel_handle.clone()
    }

    /// Ends, besides at all else that ends it, where this is met: [`FinishReason::Criterion`].
    #[must_use]
    pub fn with_stopping(mut self, criterion: impl StoppingCriterion + 'static) -> Self {
        self.criteria.push(Box::new(criterion));
        self
    }

    /// Changes logits by a processor of the caller's, at the place that [`wolfgang_sampling`] names for such.
    #[must_use]
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.sampler = self.sampler.with_processor(processor);
        self
    }

    /// Runs to the end; the pieces are in the summary.
    ///
    /// # Errors
    /// Those of the events.
    pub fn into_summary(mut self) -> Result<Summary, GenerateError> {
        for event in &mut self {
            event?;
        }
        Ok(self.summary())
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
            let stops = self.options.overflow == Overflow::Stop && generated > 0;
            (overflows && stops).then_some(FinishReason::ContextFull)
        }
    }

    /// What comes next.
    pub(crate) fn poll(&mut self) -> Next {
        loop {
            let event = match self.phase {
                Phase::Prompt => {
                    self.phase = Phase::Generating;
                    self.transcript.begin()
                }
                Phase::Generating => {
                    self.begun.get_or_insert_with(Instant::now);
                    match self.over() {
                        Some(reason) => self.end(reason),
                        None => return Next::Pass,
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
                    Some(Event::Finished(self.summary()))
                }
                Phase::Done => return Next::Nothing,
            };
            if let Some(event) = event {
                return Next::Event(event);
            }
        }
    }

    pub(crate) fn model(&self) -> &'a Wolfgang {
        self.generator.model()
    }

    fn block_size(&self) -> usize {
        self.model().config().block_size
    }

    /// Whether nothing has been generated yet.
    pub(crate) fn begins(&self) -> bool {
        self.transcript.generated().is_empty()
    }

    /// The ids that the model sees.
    pub(crate) fn window(&self) -> &[u32] {
        let ids = self.transcript.ids();
        &ids[ids.len().saturating_sub(self.block_size())..]
    }

    pub(crate) fn computed(&self) -> &Computed {
        self.computed.get()
    }

    /// Goes on from what another generation has computed.
    pub(crate) fn take_over(&mut self, computed: Computed) {
        *self.computed.get_mut() = computed;
    }

    /// The ids that the model is to see, and as much of them as is computed.
    pub(crate) fn missing(&mut self) -> (&[u32], &mut Computed) {
        let begins = self.begins();
        let first = self
            .transcript
            .ids()
            .len()
            .saturating_sub(self.block_size());
        let window = &self.transcript.ids()[first..];
        let computed = self.computed.get_mut();
        let kept = computed.keep(window);
        if begins {
            self.reused_tokens = kept;
        }
        (window, computed)
    }

    /// Chooses a token by the logits behind the window, `[vocab_size]`, which took so long to compute.
    pub(crate) fn accept(&mut self, logits: Vec<f32>, took: Duration) -> Passed {
        match self.choose(logits, took) {
            Ok((id, told)) => Ok(self.go_on(id, told)),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// An error is the end.
    pub(crate) fn fail(&mut self, error: GenerateError) -> GenerateError {
        self.phase = Phase::Done;
        error
    }

    /// Draws, on the clock.
    fn choose(
        &mut self,
        mut logits: Vec<f32>,
        took: Duration,
    ) -> Result<(u32, Told), GenerateError> {
        let start = Instant::now();
        if self.begins() {
            self.timing.prefill = took;
        } else {
            self.timing.decode += took;
        }
        if let Some(builder) = &mut self.logprobs {
            builder.keep(&logits);
        }
        // Ids that pad the vocabulary stand for nothing.
        let known = self.generator.tokenizer().vocab_size();
        if let Some(padding) = logits.get_mut(known..) {
            padding.fill(f32::NEG_INFINITY);
        }
        let history = History {
            prompt: self.transcript.prompt(),
            generated: self.transcript.generated(),
        };
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
    fn go_on(&mut self, id: u32, told: Told) -> Option<Event> {
        let is_end = self.generator.end_ids().binary_search(&id).is_ok();
        if is_end && !self.options.ignore_eos {
            self.end(FinishReason::EndOfText);
            self.ending = told.explanation.map(Box::new);
            return None;
        }
        if self.options.stop_tokens.contains(&id) {
            self.end(FinishReason::StopToken(id));
            self.ending = told.explanation.map(Box::new);
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
        let transcript = &self.transcript;
        Summary {
            reason: self.reason,
            text: transcript.text().to_owned(),
            ids: transcript.shown().to_vec(),
            logprobs: transcript.logprobs().to_vec(),
            explanations: transcript.explanations().to_vec(),
            ending: self.ending.clone(),
            prompt_tokens: transcript.prompt().len(),
            cut_tokens: self.cut_tokens(),
            reused_tokens: self.reused_tokens,
            generated_tokens: transcript.generated().len(),
            seed: self.seed,
            timing: self.timing,
        }
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Event, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.poll() {
                Next::Event(event) => return Some(Ok(event)),
                Next::Nothing => return None,
                Next::Pass => {
                    let passed = pass(&mut [self]).into_iter().find_map(Result::transpose);
                    if passed.is_some() {
                        return passed;
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Generation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("phase", &self.phase)
            .field("prompt_tokens", &self.transcript.prompt().len())
            .field("generated_tokens", &self.transcript.generated().len())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
