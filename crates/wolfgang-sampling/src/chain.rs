//! The sampling chain: the steps of a sampler and their order.

use crate::constraint::ConstraintStep;
use crate::logits::check_logits;
use crate::processors::{
    AllowedTokens, BannedTokens, Dry, DynamicTemperature, FrequencyPresence, LogitBias,
    LogitsProcessor, MinNewTokens, MinP, NoRepeatNgram, RepetitionPenalty, Temperature, TopK,
    TopNSigma, TopP, TypicalP,
};
use crate::trace::Observer;
use crate::{History, SamplingError, SamplingParams, Step, scan};

type Steps = Vec<(Step, Box<dyn LogitsProcessor>)>;

/// The steps without state or random numbers, in [their order](crate#the-order).
pub(crate) struct Chain {
    pub(crate) constraint: Option<ConstraintStep>,
    /// Steps before the temperature.
    pre_temperature: Steps,
    /// Custom steps.
    custom: Steps,
    /// The temperature and the steps after it.
    post_temperature: Steps,
}

impl Chain {
    /// Creates the steps of `params`, which must be valid, without those that have no effect.
    pub(crate) fn new(params: &SamplingParams, vocab_size: usize) -> Self {
        Self {
            constraint: None,
            pre_temperature: pre_temperature(params, vocab_size),
            custom: Vec::new(),
            post_temperature: post_temperature(params, vocab_size),
        }
    }

    pub(crate) fn push_custom(&mut self, processor: Box<dyn LogitsProcessor>) {
        self.custom
            .push((Step::Custom(self.custom.len()), processor));
    }

    pub(crate) fn len(&self) -> usize {
        let constraints = usize::from(self.constraint.is_some());
        constraints + self.pre_temperature.len() + self.custom.len() + self.post_temperature.len()
    }

    /// Applies all steps to `logits`, which must be valid.
    ///
    /// # Errors
    /// [`SamplingError::InvalidLogit`] if a custom step returns an invalid logit,
    /// [`SamplingError::Constraint`], and [`SamplingError::ConflictsWithConstraint`].
    pub(crate) fn process(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        observer: &mut impl Observer,
    ) -> Result<(), SamplingError> {
        let is_constrained = self.constraint.is_some();
        let check = |step: Step, logits: &[f32]| match is_constrained && is_all_masked(logits) {
            true => Err(SamplingError::ConflictsWithConstraint { step }),
            false => Ok(()),
        };
        if let Some(constraint) = &mut self.constraint {
            constraint.process(logits, history)?;
            observer.step(Step::Constraint, None, logits);
            if is_all_masked(logits) {
                return Err(SamplingError::AllTokensMasked);
            }
        }
        for (step, processor) in &mut self.pre_temperature {
            processor.process(logits, history);
            observer.step(*step, None, logits);
            check(*step, logits)?;
        }
        for (step, processor) in &mut self.custom {
            processor.process(logits, history);
            observer.step(*step, None, logits);
            check_logits(logits)?;
            check(*step, logits)?;
        }
        for (step, processor) in &mut self.post_temperature {
            processor.process(logits, history);
            observer.step(*step, None, logits);
        }
        Ok(())
    }
}

fn is_all_masked(logits: &[f32]) -> bool {
    scan::max(logits) == f32::NEG_INFINITY
}

fn pre_temperature(params: &SamplingParams, vocab_size: usize) -> Steps {
    let mut steps = Steps::new();
    if let Some(allowed) = &params.allowed_tokens {
        steps.push((Step::AllowedTokens, Box::new(AllowedTokens::new(allowed))));
    }
    if !params.banned_tokens.is_empty() {
        steps.push((
            Step::BannedTokens,
            Box::new(BannedTokens::new(&params.banned_tokens)),
        ));
    }
    if params.min_new_tokens > 0 {
        let step = MinNewTokens::new(params.min_new_tokens, &params.end_tokens);
        steps.push((Step::MinNewTokens, Box::new(step)));
    }
    if let Some(n) = params.no_repeat_ngram_size {
        steps.push((Step::NoRepeatNgram, Box::new(NoRepeatNgram::new(n))));
    }
    if !params.logit_bias.is_empty() {
        steps.push((
            Step::LogitBias,
            Box::new(LogitBias::new(&params.logit_bias)),
        ));
    }
    let (frequency, presence) = (params.frequency_penalty, params.presence_penalty);
    if frequency != 0.0 || presence != 0.0 {
        let step = FrequencyPresence::new(frequency, presence, vocab_size);
        steps.push((Step::FrequencyPresence, Box::new(step)));
    }
    if let Some(dry) = params.dry.as_ref().filter(|dry| dry.multiplier > 0.0) {
        steps.push((Step::Dry, Box::new(Dry::new(dry, vocab_size))));
    }
    steps
}

fn post_temperature(params: &SamplingParams, vocab_size: usize) -> Steps {
    let mut steps = Steps::new();
    let greedy = params.is_greedy();
    if let Some(dynamic) = &params.dynamic_temperature {
        let step = DynamicTemperature::new(params.temperature, dynamic);
        steps.push((Step::DynamicTemperature, Box::new(step)));
    } else if !greedy && params.temperature != 1.0 {
        steps.push((
            Step::Temperature,
            Box::new(Temperature::new(params.temperature)),
        ));
    }
    if params.repetition_penalty != 1.0 && params.repetition_window > 0 {
        let step = RepetitionPenalty::new(
            params.repetition_penalty,
            params.repetition_window,
            params.penalty_scope,
            vocab_size,
        );
        steps.push((Step::RepetitionPenalty, Box::new(step)));
    }
    // No filter masks the most likely id.
    if greedy {
        return steps;
    }
    if let Some(n) = params.top_n_sigma {
        steps.push((Step::TopNSigma, Box::new(TopNSigma::new(n))));
    }
    if let Some(k) = params.top_k {
        steps.push((Step::TopK, Box::new(TopK::new(k, vocab_size))));
    }
    if let Some(p) = params.typical_p.filter(|&p| p < 1.0) {
        steps.push((Step::TypicalP, Box::new(TypicalP::new(p, vocab_size))));
    }
    if let Some(p) = params.top_p.filter(|&p| p < 1.0) {
        steps.push((Step::TopP, Box::new(TopP::new(p, vocab_size))));
    }
    if let Some(p) = params.min_p.filter(|&p| p > 0.0) {
        steps.push((Step::MinP, Box::new(MinP::new(p))));
    }
    steps
}
