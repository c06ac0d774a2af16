//! A record of how one id was sampled.

use crate::Step;
use crate::draw::CdfPick;

/// Record of one call of [`Sampler::sample_traced`](crate::Sampler::sample_traced): the logits
/// after every step of the chain, and the draw. Each call overwrites it.
///
/// ```
/// use wolfgang_sampling::{History, Sampler, SamplingParams, Step, Trace};
///
/// let params = SamplingParams::default().with_temperature(1.0).with_top_k(2);
/// let mut sampler = Sampler::new(&params, 3, 42)?;
/// let mut trace = Trace::default();
/// sampler.sample_traced(&mut [0.5, 0.3, 0.1], History::new(&[], &[]), &mut trace)?;
/// let top_k = trace.steps.iter().find(|snapshot| snapshot.step == Step::TopK);
/// assert_eq!(top_k.map(|snapshot| snapshot.logits[2]), Some(f32::NEG_INFINITY));
/// # Ok::<(), wolfgang_sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// The logits before the first step, `[vocab_size]`.
    pub initial_logits: Vec<f32>,
    /// The steps that ran, in order; after an error, those before it.
    pub steps: Vec<StepSnapshot>,
    /// How the id was drawn; `None` after an error.
    pub draw: Option<Draw>,
}

/// The logits after one step of the chain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepSnapshot {
    /// The step.
    pub step: Step,
    /// The logits after the step, `[vocab_size]`.
    pub logits: Vec<f32>,
    /// The random number that the step consumed, in `0.0..1.0`; only XTC consumes one.
    pub random_draw: Option<f64>,
}

/// How an id was drawn from the probabilities.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Draw {
    /// Argmax: the most likely id, without a random number.
    Greedy,
    /// Inverse transform sampling: the first id at which the cumulative probability, in the order
    /// of ids, exceeds a uniform random number.
    #[non_exhaustive]
    InverseCdf {
        /// The random number, in `0.0..1.0`.
        u: f64,
        /// Cumulative probability before the id.
        from: f64,
        /// Cumulative probability including the id.
        to: f64,
    },
    /// Exponential race (equivalent to Gumbel-max), as in PyTorch: the id with the largest quotient
    /// of its probability and an exponential variate.
    #[non_exhaustive]
    ExponentialRace {
        /// The quotients of all ids that are not masked, in the order of ids.
        quotients: Vec<(u32, f32)>,
    },
}

/// Observes sampling steps. `()` is a no-op and compiles away.
pub(crate) trait Observer {
    fn begin(&mut self, _logits: &[f32]) {}
    fn step(&mut self, _step: Step, _random_draw: Option<f64>, _logits: &[f32]) {}
    fn greedy(&mut self) {}
    fn inverse_cdf(&mut self, _u: f64, _pick: &CdfPick) {}
    fn quotient(&mut self, _id: u32, _quotient: f32) {}
}

impl Observer for () {}

impl Observer for Trace {
    fn begin(&mut self, logits: &[f32]) {
        self.initial_logits.clear();
        self.initial_logits.extend_from_slice(logits);
        self.steps.clear();
        self.draw = None;
    }

    fn step(&mut self, step: Step, random_draw: Option<f64>, logits: &[f32]) {
        let logits = logits.to_vec();
        self.steps.push(StepSnapshot {
            step,
            logits,
            random_draw,
        });
    }

    fn greedy(&mut self) {
        self.draw = Some(Draw::Greedy);
    }

    fn inverse_cdf(&mut self, u: f64, pick: &CdfPick) {
        self.draw = Some(Draw::InverseCdf {
            u,
            from: pick.from / pick.total,
            to: pick.to / pick.total,
        });
    }

    fn quotient(&mut self, id: u32, quotient: f32) {
        if let Some(Draw::ExponentialRace { quotients }) = &mut self.draw {
            quotients.push((id, quotient));
        } else {
            let quotients = vec![(id, quotient)];
            self.draw = Some(Draw::ExponentialRace { quotients });
        }
    }
}
