//! The loop.

use crate::logprobs::{LogprobsBuilder, TokenLogprobs};
use crate::stop_strings::{StopStrings, Watched};
use crate::stopping::{Canceller, SoFar, StoppingCriterion};
use crate::{
    FinishReason, GenerateError, GenerateOptions, Overflow, Summary, Timing, WolfgangGenerator,
};
use std::time::{Duration, Instant};
use wolfgang_model::{KvCache, to_host};
use wolfgang_sampling::{History, LogitsProcessor, Sampler};
use wolfgang_tokenize::{Special, TextStream};

/// So many ids without text are handed out all the same: whoever waits for an event gets to cancel.
const MAX_SILENT: usize = 16;

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
    /// Prompt and generated ids.
    ids: Vec<u32>,
    prompt_tokens: usize,
    /// How many of `ids` have been handed out, or never will be.
    handed_out: usize,
    /// Made when the model first runs.
    cache: Option<KvCache>,
    stream: TextStream<'a>,
    stop_strings: StopStrings,
    criteria: Vec<Box<dyn StoppingCriterion>>,
    canceller: Canceller,
    /// When the first event was asked for.
    begun: Option<Instant>,
    text: String,
    /// None unless they were asked for.
    logprobs_builder: Option<LogprobsBuilder>,
    /// Of the generated tokens.
    logprobs: Vec<TokenLogprobs>,
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

impl<'a> Generation<'a> {
    pub(crate) fn new(
        generator: &'a WolfgangGenerator,
        prompt: Vec<u32>,
        options: GenerateOptions,
        sampler: Sampler,
        seed: u64,
    ) -> Self {
        let prompt_tokens = prompt.len();
        let stop_strings = StopStrings::new(&options.stop_strings);
        let logprobs_builder = options.logprobs.map(LogprobsBuilder::new);
        let (phase, handed_out) = if options.include_prompt {
            (Phase::Prompt, 0)
        } else {
            (Phase::Generating, prompt_tokens)
        };
        Self {
            generator,
            options,
            sampler,
            seed,
            ids: prompt,
            prompt_tokens,
            handed_out,
            cache: None,
            stream: generator.tokenizer().stream(Special::Skip),
            stop_strings,
            criteria: Vec::new(),
            canceller: Canceller::default(),
            begun: None,
            text: String::new(),
            logprobs_builder,
            logprobs: Vec::new(),
            timing: Timing::default(),
            phase,
            reason: FinishReason::Cancelled,
        }
    }

    /// The seed in use, given or drawn.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Tokens at the beginning of the prompt that the model will not see, because its context is shorter.
    pub fn cut_tokens(&self) -> usize {
        self.prompt_tokens.saturating_sub(self.block_size())
    }

    /// Ends the generation: the next events are what was held back and [`Event::Finished`].
    pub fn cancel(&mut self) {
        if matches!(self.phase, Phase::Prompt | Phase::Generating) {
            self.end(FinishReason::Cancelled);
        }
    }

    /// What cancels it from another thread.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
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
        let generated = self.ids.len() - self.prompt_tokens;
        let is_late = |max: Duration| self.begun.is_some_and(|begun| begun.elapsed() >= max);
        if self.canceller.is_cancelled() {
            Some(FinishReason::Cancelled)
        } else if generated >= self.options.max_new_tokens {
            Some(FinishReason::MaxTokens)
        } else if self.options.max_time.is_some_and(is_late) {
            Some(FinishReason::MaxTime)
        } else {
            let overflows = self.ids.len() > self.block_size();
            let stops = self.options.overflow == Overflow::Stop && generated > 0;
            (overflows && stops).then_some(FinishReason::ContextFull)
        }
    }

    /// Generates one token, or ends. Returns what became text by it.
    fn step(&mut self) -> Result<Option<Event>, GenerateError> {
        self.begun.get_or_insert_with(Instant::now);
        if let Some(reason) = self.over() {
            self.end(reason);
            return Ok(None);
        }
        let (id, logprobs) = self.next_id()?;

        let is_end = self.generator.tokenizer().end_of_text() == Some(id);
        if is_end && !self.options.ignore_eos {
            self.end(FinishReason::EndOfText);
            return Ok(None);
        }
        if self.options.stop_tokens.contains(&id) {
            self.end(FinishReason::StopToken(id));
            return Ok(None);
        }
        self.ids.push(id);
        self.logprobs.extend(logprobs);
        let piece = self.stream.push(id);
        let Watched { mut text, stop } = self.stop_strings.push(piece);
        if let Some(index) = stop {
            if self.options.keep_stop_string {
                text.push_str(&self.options.stop_strings[index]);
            }
            self.reason = FinishReason::StopString(index);
            // What is held back came behind it.
            self.phase = Phase::Finishing;
            return Ok(Some(self.hand_out_all(text)));
        }
        let event = if self.ids.len() - self.handed_out >= MAX_SILENT {
            Some(self.hand_out_all(text))
        } else {
            self.hand_out(text)
        };
        if self.criteria_are_met() {
            self.end(FinishReason::Criterion);
        }
        Ok(event)
    }

    fn criteria_are_met(&mut self) -> bool {
        let (prompt, generated) = self.ids.split_at(self.prompt_tokens);
        let so_far = SoFar {
            prompt,
            generated,
            text: &self.text,
        };
        // All of them see every token.
        let met = self
            .criteria
            .iter_mut()
            .map(|criterion| criterion.is_met(&so_far));
        met.fold(false, |any, met| any | met)
    }

    /// Runs the model and draws, on the clock.
    fn next_id(&mut self) -> Result<(u32, Option<TokenLogprobs>), GenerateError> {
        let mut start = Instant::now();
        let mut logits = self.logits()?;
        let (prompt, generated) = self.ids.split_at(self.prompt_tokens);
        if generated.is_empty() {
            let now = Instant::now();
            self.timing.prefill = now - start;
            start = now;
        }
        if let Some(builder) = &mut self.logprobs_builder {
            builder.keep(&logits);
        }
        let id = self
            .sampler
            .sample(&mut logits, History { prompt, generated })?;
        self.timing.decode += start.elapsed();
        let told = self.logprobs_builder.as_ref();
        Ok((id, told.map(|builder| builder.of(id, &logits))))
    }

    /// Logits behind the last id, `[vocab_size]`.
    fn logits(&mut self) -> Result<Vec<f32>, GenerateError> {
        let model = self.generator.model();
        let cache = match &mut self.cache {
            Some(cache) => cache,
            none => none.insert(model.new_cache()?),
        };
        let begin = self.ids.len().saturating_sub(cache.capacity());
        if begin > 0 {
            // The window has moved: its first token has position 0 again, so every key has changed.
            cache.clear();
        }
        let new = &self.ids[begin + cache.len()..];
        Ok(to_host(model.forward_cached(new, cache)?)?)
    }

    fn block_size(&self) -> usize {
        self.generator.model().config().block_size
    }

    /// A piece with the ids that came with it; none while there is no text.
    fn hand_out(&mut self, piece: String) -> Option<Event> {
        if piece.is_empty() {
            return None;
        }
        Some(self.hand_out_all(piece))
    }

    fn hand_out_all(&mut self, piece: String) -> Event {
        let ids = self.ids[self.handed_out..].to_vec();
        let first = self.handed_out.saturating_sub(self.prompt_tokens);
        let logprobs = self.logprobs.get(first..).unwrap_or_default().to_vec();
        self.handed_out = self.ids.len();
        self.text.push_str(&piece);
        Event::Text {
            text: piece,
            ids,
            logprobs,
        }
    }

    /// What is held back: half a character, or ids that have no text.
    fn flush(&mut self) -> Option<Event> {
        let fresh = self.generator.tokenizer().stream(Special::Skip);
        let rest = std::mem::replace(&mut self.stream, fresh).finish();
        let Watched { text, stop } = self.stop_strings.push(&rest);
        let rest = match stop {
            // A string that ends with a character that never came in full.
            Some(index) if self.options.keep_stop_string => {
                text + &self.options.stop_strings[index]
            }
            Some(_) => text,
            None => text + &self.stop_strings.finish(),
        };
        if let Some(index) = stop {
            self.reason = FinishReason::StopString(index);
        }
        let nothing = rest.is_empty() && self.handed_out == self.ids.len();
        (!nothing).then(|| self.hand_out_all(rest))
    }

    fn summary(&self) -> Summary {
        let shown = if self.options.include_prompt {
            0
        } else {
            self.prompt_tokens
        };
        Summary {
            reason: self.reason,
            text: self.text.clone(),
            ids: self.ids[shown..].to_vec(),
            logprobs: self.logprobs.clone(),
            prompt_tokens: self.prompt_tokens,
            cut_tokens: self.cut_tokens(),
            generated_tokens: self.ids.len() - self.prompt_tokens,
            seed: self.seed,
            timing: self.timing,
        }
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Event, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let event = match self.phase {
                Phase::Prompt => {
                    self.phase = Phase::Generating;
                    let stream = &mut self.stream;
                    let pieces = self.ids.iter().map(|&id| stream.push(id).to_owned());
                    let piece = pieces.collect();
                    Some(self.hand_out_all(piece))
                }
                Phase::Generating => match self.step() {
                    Ok(event) => event,
                    Err(error) => {
                        self.phase = Phase::Done;
                        return Some(Err(error));
                    }
                },
                Phase::Flushing => {
                    self.phase = Phase::Finishing;
                    self.flush()
                }
                Phase::Finishing => {
                    self.phase = Phase::Done;
                    Some(Event::Finished(self.summary()))
                }
                Phase::Done => return None,
            };
            if let Some(event) = event {
                return Some(Ok(event));
            }
        }
    }
}

impl std::fmt::Debug for Generation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("phase", &self.phase)
            .field("prompt_tokens", &self.prompt_tokens)
            .field("tokens", &self.ids.len())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
