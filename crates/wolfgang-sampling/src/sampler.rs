//! Sampling of one id of one sequence from logits.

use crate::chain::Chain;
use crate::draw::inverse_cdf;
use crate::logits::{check_logits, softmax};
use crate::processors::{LogitsProcessor, Mirostat, Xtc};
use crate::rng::Rng;
use crate::trace::Observer;
use crate::{History, SamplingError, SamplingParams, Step, Trace, blocks};

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

/// Far above any vocabulary; keeps a wrong number from taking all memory.
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
        self.choose(logits, history, &mut ())
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
        self.choose(logits, history, trace)
    }

    fn choose(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
        watch: &mut impl Observer,
    ) -> Result<u32, SamplingError> {
        self.apply_chain(logits, history, watch)?;
        let possible = self.possible.iter().copied();
        let id = match &mut self.rng {
            _ if self.greedy => {
                watch.greedy();
                inverse_cdf(possible, 0.0).id
            }
            Rng::ChaCha(rng) => {
                let u = rng.uniform();
                let walked = inverse_cdf(possible, u);
                watch.inverse_cdf(u, &walked);
                walked.id
            }
            Rng::Torch(rng) => {
                rng.exponential_race(logits, |id, quotient| watch.quotient(id, quotient))
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
    /// [`SamplingError::WrongLength`], [`SamplingError::InvalidLogit`] for a NaN or +∞, and
    /// [`SamplingError::AllTokensMasked`] if every id is masked.
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
        watch: &mut impl Observer,
    ) -> Result<(), SamplingError> {
        watch.begin(logits);
        if logits.len() != self.vocab_size {
            return Err(SamplingError::WrongLength {
                found: logits.len(),
                expected: self.vocab_size,
            });
        }
        check_logits(logits)?;
        self.chain.process(logits, history, watch)?;
        if let Some(xtc) = &self.xtc {
            let u = self.rng.uniform();
            xtc.process(logits, u);
            watch.step(Step::Xtc, Some(u), logits);
        }
        if let Some(mirostat) = &self.mirostat {
            mirostat.process(logits);
            watch.step(Step::Mirostat, None, logits);
        }
        check_logits(logits)?;
        let max = blocks::max(logits);
        if max == f32::NEG_INFINITY {
            return Err(SamplingError::AllTokensMasked);
        }
        self.possible.clear();
        if self.greedy {
            // Above the next smaller number lie the likeliest only.
            let first = blocks::above(logits, max.next_down()).next();
            self.possible.extend(first.map(|(id, _)| (id, 1.0)));
        } else {
            let possible = &mut self.possible;
            blocks::above(logits, f32::NEG_INFINITY).for_each(|entry| possible.push(entry));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EMPTY;

    fn plain(temperature: f32) -> SamplingParams {
        SamplingParams {
            temperature,
            top_k: None,
            top_p: None,
            repetition_penalty: 1.0,
            ..SamplingParams::default()
        }
    }

    #[test]
    fn greedy_takes_the_lowest_of_the_likeliest_and_still_penalises() {
        let params = SamplingParams {
            temperature: 0.0,
            ..SamplingParams::default()
        };
        let mut sampler = Sampler::new(&params, 4, 7).unwrap();
        assert_eq!(sampler.sample(&mut [1.0, 3.0, 3.0, 2.0], EMPTY), Ok(1));
        let history = History {
            prompt: &[1],
            generated: &[2],
        };
        assert_eq!(sampler.sample(&mut [1.0, 2.2, 2.2, 2.0], history), Ok(3));
    }

    #[test]
    fn softmax_follows_its_closed_form() {
        let mut sampler = Sampler::new(&plain(0.5), 3, 0).unwrap();
        let mut logits = [0.0, 0.5, f32::NEG_INFINITY];
        sampler.probabilities(&mut logits, EMPTY).unwrap();
        let e = std::f32::consts::E;
        let expected = [1.0 / (1.0 + e), e / (1.0 + e), 0.0];
        for (p, q) in logits.iter().zip(expected) {
            assert!((p - q).abs() < 1e-7, "{logits:?} is not {expected:?}");
        }
    }

    #[test]
    fn logits_without_a_distribution_are_errors() {
        let mut sampler = Sampler::new(&plain(1.0), 2, 0).unwrap();
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!(
            sampler.sample(&mut [-inf, -inf], EMPTY),
            Err(SamplingError::AllTokensMasked)
        );
        assert_eq!(
            sampler.sample(&mut [0.0, inf], EMPTY),
            Err(SamplingError::InvalidLogit { id: 1, value: inf })
        );
        assert!(matches!(
            sampler.sample(&mut [nan, 0.0], EMPTY),
            Err(SamplingError::InvalidLogit { id: 0, .. })
        ));
        assert_eq!(
            sampler.sample(&mut [0.0], EMPTY),
            Err(SamplingError::WrongLength {
                found: 1,
                expected: 2
            })
        );
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let run = |seed| {
            let mut sampler = Sampler::new(&plain(1.0), 64, seed).unwrap();
            (0..32)
                .map(|_| sampler.sample(&mut [0.0; 64], EMPTY).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
