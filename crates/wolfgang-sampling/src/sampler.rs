//! Sampling of one id of one sequence from logits.

#[cfg(test)]
mod tests;

use crate::chain::Chain;
use crate::constraint::ConstraintStep;
use crate::draw::inverse_cdf;
use crate::logits::{check_logits, softmax};
use crate::processors::{LogitsProcessor, Mirostat, Xtc};
use crate::rng::Rng;
use crate::trace::Observer;
use crate::{Constraint, History, SamplingError, SamplingParams, Step, Trace, scan};

/// Samples one id per call: the enabled steps in [their order](crate#the-order), softmax, draw.
///
/// A sampler belongs to one sequence: it holds the sequence's random number generator and the state
/// of mirostat.
pub struct Sampler {
    chain: Chain,
    xtc: Option<Xtc>,
    mirostat: Option<Mirostat>,
    greedy: bool,
    vocab_size: usize,
    rng: Rng,
    /// The ids that are not masked, each with its logit, later its probability. Scratch buffer of
    /// one step.
    possible: Vec<(u32, f32)>,
}

/// Maximum size of the vocabulary, so that an invalid value cannot exhaust the memory.
const MAX_VOCAB: usize = 1 << 24;

impl Sampler {
    /// Creates a sampler for `vocab_size` logits, with a random number generator seeded by `seed`.
    ///
    /// Steps whose parameters have no effect (a penalty of 1, a `top_p` of 1, …) are omitted. A
    /// greedy sampler omits all filters: none of them masks the most likely id, except XTC, which
    /// is random.
    ///
    /// # Errors
    /// [`SamplingError::InvalidParam`], see [`SamplingParams::validate`]; also for a `vocab_size`
    /// above 2²⁴, for two biases on one id, and for invalid lists of ids.
    /// [`SamplingError::UnknownId`] for ids outside the vocabulary, and
    /// [`SamplingError::ConflictingParams`] if the parameters mask all ids.
    pub fn new(
        params: &SamplingParams,
        vocab_size: usize,
        seed: u64,
    ) -> Result<Self, SamplingError> {
        params.validate()?;
        if vocab_size > MAX_VOCAB {
            return Err(SamplingError::InvalidParam {
                parameter: "vocab_size",
                value: vocab_size.to_string(),
                rule: "it must be at most 16777216",
            });
        }
        params.validate_ids(vocab_size)?;
        let greedy = params.is_greedy();
        let xtc = params.xtc.as_ref();
        let mirostat = params.mirostat.as_ref();
        Ok(Self {
            chain: Chain::new(params, vocab_size),
            xtc: xtc
                .filter(|xtc| !greedy && xtc.probability > 0.0)
                .map(Xtc::new),
            mirostat: mirostat.filter(|_| !greedy).map(Mirostat::new),
            greedy,
            vocab_size,
            rng: Rng::new(params.rng, seed),
            possible: Vec::with_capacity(vocab_size),
        })
    }

    /// Adds a custom step, after those added before.
    ///
    /// It runs after the masks and penalties of steps 1 to 7 and before the temperature, see [the
    /// order](crate#the-order): it sees unscaled logits, filters see its result, and a greedy
    /// sampler runs it too. An id that is masked already should stay masked; raising its logit
    /// unmasks it.
    #[must_use]
    pub fn with_processor(mut self, processor: impl LogitsProcessor + 'static) -> Self {
        self.chain.push_custom(Box::new(processor));
        self
    }

    /// Sets the constraint, the first step. It replaces one that was set before.
    ///
    /// It changes neither the number of random numbers per id nor their order.
    #[must_use]
    pub fn with_constraint(mut self, constraint: impl Constraint + 'static) -> Self {
        let step = ConstraintStep::new(Box::new(constraint), self.vocab_size);
        self.chain.constraint = Some(step);
        self
    }

    /// Returns the constraint.
    pub fn constraint(&mut self) -> Option<&mut dyn Constraint> {
        let step = self.chain.constraint.as_mut()?;
        Some(step.constraint.as_mut())
    }

    /// Samples the next id. `logits` is `[vocab_size]` and contains the probabilities afterwards.
    ///
    /// A greedy sampler returns the most likely id (the lowest of several) and consumes no random
    /// number. Otherwise the draw consumes one, or one per vocabulary entry with
    /// [`RngKind::Torch`](crate::RngKind::Torch).
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<u32, SamplingError> {
        self.sample_observed(logits, history, &mut ())
    }

    /// Samples the next id like [`sample`](Self::sample) and records each step in `trace`.
    ///
    /// It consumes the same random numbers and returns the same id, but copies all logits at each
    /// step.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_traced(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        trace: &mut Trace,
    ) -> Result<u32, SamplingError> {
        self.sample_observed(logits, history, trace)
    }

    fn sample_observed(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        observer: &mut impl Observer,
    ) -> Result<u32, SamplingError> {
        self.apply_chain(logits, history, observer)?;
        let possible = self.possible.iter().copied();
        let id = match &mut self.rng {
            _ if self.greedy => {
                observer.greedy();
                inverse_cdf(possible, 0.0).id
            }
            Rng::ChaCha(rng) => {
                let u = rng.uniform();
                let pick = inverse_cdf(possible, u);
                observer.inverse_cdf(u, &pick);
                pick.id
            }
            Rng::Torch(rng) => {
                rng.exponential_race(logits, |id, quotient| observer.quotient(id, quotient))
            }
        };
        if let (Some(mirostat), Some(&p)) = (&mut self.mirostat, logits.get(id as usize)) {
            mirostat.observe(p);
        }
        Ok(id)
    }

    /// Transforms `logits` (`[vocab_size]`), in place, into the probabilities that
    /// [`sample`](Self::sample) draws from.
    ///
    /// With XTC enabled this consumes a random number.
    ///
    /// # Errors
    /// [`SamplingError::WrongLength`], [`SamplingError::InvalidLogit`] for a NaN or +∞,
    /// [`SamplingError::AllTokensMasked`] if every id is masked, and with a constraint
    /// [`SamplingError::Constraint`] and [`SamplingError::ConflictsWithConstraint`].
    pub fn probabilities(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<(), SamplingError> {
        self.apply_chain(logits, history, &mut ())
    }

    fn apply_chain(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        observer: &mut impl Observer,
    ) -> Result<(), SamplingError> {
        observer.begin(logits);
        if logits.len() != self.vocab_size {
            return Err(SamplingError::WrongLength {
                found: logits.len(),
                expected: self.vocab_size,
            });
        }
        check_logits(logits)?;
        self.chain.process(logits, history, observer)?;
        if let Some(xtc) = &self.xtc {
            let u = self.rng.uniform();
            xtc.process(logits, u);
            observer.step(Step::Xtc, Some(u), logits);
        }
        if let Some(mirostat) = &self.mirostat {
            mirostat.process(logits);
            observer.step(Step::Mirostat, None, logits);
        }
        check_logits(logits)?;
        let max = scan::max(logits);
        if max == f32::NEG_INFINITY {
            return Err(SamplingError::AllTokensMasked);
        }
        self.possible.clear();
        if self.greedy {
            // Only the most likely ids are above the next smaller number.
            let first = scan::above(logits, max.next_down()).next();
            self.possible.extend(first.map(|(id, _)| (id, 1.0)));
        } else {
            let possible = &mut self.possible;
            scan::above(logits, f32::NEG_INFINITY).for_each(|entry| possible.push(entry));
            softmax(possible, max);
        }
        logits.fill(0.0);
        for &(id, p) in &self.possible {
            logits[id as usize] = p;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("steps", &self.chain.len())
            .field("greedy", &self.greedy)
            .field("vocab_size", &self.vocab_size)
            .finish_non_exhaustive()
    }
}
