//! From logits to the next token of a generation.

use super::{Event, Generation, Phase};
use crate::explanation::Explainer;
use crate::forward::StepResult;
use crate::output_buffer::TokenDetails;
use crate::stopping::StoppingContext;
use crate::{FinishReason, GenerateError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use wolfgang_sampling::History;

impl Generation {
    /// Adds the time of a forward pass, which computed the window or a part of it, to the timing.
    pub(crate) fn on_forward(&mut self, took: Duration) {
        if self.is_first_step() {
            self.timing.prefill += took;
            let cached = self.cached_tokens.unwrap_or(0);
            // Without forced ids, which are not part of the prompt.
            let computed = self.cache().ids().len().min(self.window().len());
            self.computed_tokens = computed.saturating_sub(cached);
        } else {
            self.timing.decode += took;
        }
    }

    /// Scores the prompt and samples a token from the logits of a forward pass: those of all its
    /// ids if the prompt is scored, else those of the last id of the window and of forced ids.
    pub(crate) fn on_logits(&mut self, mut logits: Vec<f32>) -> StepResult {
        if self.scores_prompt() {
            let scored = self.score_prompt(&mut logits);
            let scored = scored.map_err(|error| self.fail(error))?;
            if scored.is_none() || self.options.max_new_tokens == 0 {
                return Ok(scored);
            }
            let event = self.on_last_logits(&mut logits)?;
            self.later_events.extend(event);
            return Ok(scored);
        }
        let vocab_size = self.model().config().vocab_size;
        if logits.len() > vocab_size {
            return self.on_forced_logits(&mut logits, vocab_size);
        }
        let result = self.on_last_logits(&mut logits);
        self.logits_buffer = logits;
        result
    }

    /// Samples tokens from the logits `[rows, vocab_size]` of the last id of the window and of
    /// forced ids, as long as the sampled ids are those that were forced.
    fn on_forced_logits(&mut self, logits: &mut [f32], vocab_size: usize) -> StepResult {
        let forced = std::mem::take(&mut self.constrained.forced);
        for (row, logits) in logits.chunks_exact_mut(vocab_size).enumerate() {
            match self.try_last_logits(logits) {
                Ok(event) => self.later_events.extend(event),
                Err(error) if row == 0 => return Err(self.fail(error)),
                Err(error) => {
                    self.later_error = Some(error);
                    break;
                }
            }
            let is_forced = forced.get(row) == self.output.generated().last();
            let is_over = self.phase != Phase::Generating || self.over().is_some();
            if is_over || !is_forced || self.later_error.is_some() {
                break;
            }
        }
        Ok(self.later_events.pop_front())
    }

    /// Returns the log-probabilities of the prompt if they are complete. The logits are then those
    /// of the last id of the prompt.
    fn score_prompt(&mut self, logits: &mut Vec<f32>) -> Result<Option<Event>, GenerateError> {
        let start = Instant::now();
        let Some(mut scorer) = self.prompt_scorer.take() else {
            return Ok(None);
        };
        scorer.push(logits)?;
        self.timing.prefill += start.elapsed();
        if !scorer.is_complete() {
            self.prompt_scorer = Some(scorer);
            return Ok(None);
        }
        let score = scorer.into_score();
        self.prompt_logprobs = Some(score.clone());
        Ok(Some(Event::PromptLogprobs(score)))
    }

    /// Samples a token from the logits of the last id of the window, `[vocab_size]`.
    fn on_last_logits(&mut self, logits: &mut [f32]) -> StepResult {
        let result = self.try_last_logits(logits);
        result.map_err(|error| self.fail(error))
    }

    /// As [`on_last_logits`](Self::on_last_logits). An error does not end the generation.
    fn try_last_logits(&mut self, logits: &mut [f32]) -> StepResult {
        let mut step = |this: &mut Self| {
            let (id, details) = this.sample(logits)?;
            Ok(this.push_token(id, details))
        };
        if self.catches_panics {
            let unwound = catch_unwind(AssertUnwindSafe(|| step(self)));
            unwound.unwrap_or_else(|panic| Err(GenerateError::callback_panicked(&*panic)))
        } else {
            step(self)
        }
    }

    /// Turns panics of processors and stopping criteria into errors of this generation.
    pub(crate) fn catch_panics(&mut self) {
        self.catches_panics = true;
    }

    /// Samples an id, and measures the time.
    fn sample(&mut self, logits: &mut [f32]) -> Result<(u32, TokenDetails), GenerateError> {
        let start = Instant::now();
        if let Some(builder) = &mut self.logprobs {
            builder.keep(logits);
        }
        // Ids that pad the vocabulary have no token.
        let known = self.generator.tokenizer().vocab_size();
        if let Some(padding) = logits.get_mut(known..) {
            padding.fill(f32::NEG_INFINITY);
        }
        let history = History::new(self.output.prompt(), self.output.generated());
        let id = match &mut self.explainer {
            None => self.sampler.sample(logits, history),
            Some(Explainer { trace, .. }) => self.sampler.sample_traced(logits, history, trace),
        }?;
        self.timing.decode += start.elapsed();
        let (logprobs, explainer) = (self.logprobs.as_ref(), self.explainer.as_ref());
        let details = TokenDetails {
            logprobs: logprobs.map(|builder| builder.of(id, logits)),
            explanation: explainer.map(|explainer| explainer.of(id, logits)),
        };
        Ok((id, details))
    }

    /// Ends the generation if `id` is a stop token, else adds it to the text. Returns the event
    /// that became available.
    fn push_token(&mut self, id: u32, details: TokenDetails) -> Option<Event> {
        let is_end = self.generator.end_ids().binary_search(&id).is_ok();
        if is_end && !self.options.ignore_eos {
            self.end(FinishReason::EndOfText);
            self.stop_explanation = details.explanation.map(Box::new);
            return None;
        }
        if self.options.stop_tokens.contains(&id) {
            self.end(FinishReason::StopToken(id));
            self.stop_explanation = details.explanation.map(Box::new);
            return None;
        }
        let (event, stop) = self.output.push(id, details);
        // An error belongs to the next id.
        self.later_error = self.update_constraint().err();
        if let Some(index) = stop {
            self.reason = FinishReason::StopString(index);
            // The buffered text follows the stop string, so it is dropped.
            self.phase = Phase::Finishing;
        } else if let Some(index) = self.criterion_met() {
            self.end(FinishReason::Criterion(index));
        }
        event
    }

    /// Index of the first criterion that is met.
    fn criterion_met(&mut self) -> Option<usize> {
        let context = StoppingContext {
            prompt: self.output.prompt(),
            generated: self.output.generated(),
            text: self.output.text(),
        };
        let criteria = self.criteria.iter_mut().enumerate();
        // Every criterion is called for every token.
        let met = criteria.filter_map(|(index, one)| one.is_met(&context).then_some(index));
        met.fold(None, |first, index| first.or(Some(index)))
    }
}
