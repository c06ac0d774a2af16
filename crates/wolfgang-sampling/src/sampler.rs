//! The chain, from logits to one id.

use crate::blocks;
use crate::draw::walk;
use crate::processors::{LogitsProcessor, RepetitionPenalty, Temperature, TopK, TopP};
use crate::rng::Rng;
use crate::{History, SamplingError, SamplingParams};

/// Chooses one id a step: the processors in the original's order (temperature, repetition penalty, top-k, top-p),
/// softmax, draw.
pub struct Sampler {
    chain: Vec<Box<dyn LogitsProcessor>>,
    greedy: bool,
    vocab_size: usize,
    rng: Rng,
    /// The ids that the chain left possible, each with its logit, then its probability. Scratch of one step.
    possible: Vec<(u32, f32)>,
}

/// Far above any vocabulary; keeps a wrong number from taking all memory.
const MAX_VOCAB: usize = 1 << 24;

impl Sampler {
    /// A sampler for logits over `vocab_size` ids, drawing from the stream of `seed`.
    ///
    /// Parameters that change nothing (a penalty of 1, a `top_p` of 1, …) leave their step out.
    ///
    /// # Errors
    /// [`SamplingError::InvalidParam`], see [`SamplingParams::validate`]; also for a `vocab_size` above 2²⁴.
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
        let greedy = params.is_greedy();
        let mut chain: Vec<Box<dyn LogitsProcessor>> = Vec::new();
        if !greedy && params.temperature != 1.0 {
            chain.push(Box::new(Temperature::new(params.temperature)));
        }
        if params.repetition_penalty != 1.0 && params.repetition_window > 0 {
            chain.push(Box::new(RepetitionPenalty::new(
                params.repetition_penalty,
                params.repetition_window,
                params.penalize,
                vocab_size,
            )));
        }
        if let Some(k) = params.top_k.filter(|_| !greedy) {
            chain.push(Box::new(TopK::new(k, vocab_size)));
        }
        if let Some(p) = params.top_p.filter(|&p| !greedy && p < 1.0) {
            chain.push(Box::new(TopP::new(p, vocab_size)));
        }
        Ok(Self {
            chain,
            greedy,
            vocab_size,
            rng: Rng::new(params.rng, seed),
            possible: Vec::with_capacity(vocab_size),
        })
    }

    /// Chooses the next id. `logits` is `[vocab_size]` and holds the probabilities afterwards.
    ///
    /// A greedy sampler takes the likeliest id, of several the lowest, and leaves the random stream alone; any
    /// other takes one number from it, or as many as there are ids where the stream is [`RngKind::Torch`](crate::RngKind::Torch).
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<u32, SamplingError> {
        self.probabilities(logits, history)?;
        let possible = self.possible.iter().copied();
        Ok(match &mut self.rng {
            _ if self.greedy => walk(possible, 0.0),
            Rng::ChaCha(rng) => walk(possible, rng.uniform()),
            Rng::Torch(rng) => rng.multinomial(logits),
        })
    }

    /// Turns `logits` (`[vocab_size]`), in place, into the probabilities that [`sample`](Self::sample) draws from.
    ///
    /// # Errors
    /// [`SamplingError::WrongLength`], [`SamplingError::NotALogit`] for a NaN or +∞, and
    /// [`SamplingError::NothingLeft`] when every id is ruled out.
    pub fn probabilities(
        &mut self,
        logits: &mut [f32],
        history: History<'_>,
    ) -> Result<(), SamplingError> {
        if logits.len() != self.vocab_size {
            return Err(SamplingError::WrongLength {
                found: logits.len(),
                expected: self.vocab_size,
            });
        }
        check_logits(logits)?;
        for processor in &mut self.chain {
            processor.process(logits, history);
        }
        check_logits(logits)?;
        let max = blocks::max(logits);
        if max == f32::NEG_INFINITY {
            return Err(SamplingError::NothingLeft);
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

fn check_logits(logits: &[f32]) -> Result<(), SamplingError> {
    let is_logit = |l: f32| l <= f32::MAX;
    // Without a way out in the middle the test runs over several logits at once.
    if logits.iter().fold(true, |all, &l| all & is_logit(l)) {
        return Ok(());
    }
    match logits.iter().position(|&l| !is_logit(l)) {
        Some(id) => Err(SamplingError::NotALogit {
            id,
            value: logits[id],
        }),
        None => Ok(()),
    }
}

/// Turns the logits, of which `max` is the largest, into probabilities.
fn softmax(possible: &mut [(u32, f32)], max: f32) {
    let mut total = 0.0;
    for (_, logit) in &mut *possible {
        *logit = (*logit - max).exp();
        total += f64::from(*logit);
    }
    // At least 1, from the likeliest id.
    let scale = (1.0 / total) as f32;
    for (_, weight) in possible {
        *weight *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: History<'_> = History {
        prompt: &[],
        generated: &[],
    };

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
            Err(SamplingError::NothingLeft)
        );
        assert_eq!(
            sampler.sample(&mut [0.0, inf], EMPTY),
            Err(SamplingError::NotALogit { id: 1, value: inf })
        );
        assert!(matches!(
            sampler.sample(&mut [nan, 0.0], EMPTY),
            Err(SamplingError::NotALogit { id: 0, .. })
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
