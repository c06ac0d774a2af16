//! What happened in one step of a sequence, for whoever wants to see it.

use crate::Step;
use crate::draw::Walked;

/// What [`Sampler::sample_traced`](crate::Sampler::sample_traced) saw: all logits behind every step of the chain, and the
/// draw. Reused, it is overwritten.
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
    /// The logits as they came.
    pub initial_logits: Vec<f32>,
    /// Each step that was taken, in order. Behind an error, those up to it.
    pub steps: Vec<StepSnapshot>,
    /// How the id was chosen; none behind an error.
    pub draw: Option<Draw>,
}

/// One step of the chain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepSnapshot {
    /// Which.
    pub step: Step,
    /// All logits behind it.
    pub logits: Vec<f32>,
    /// The random number that it took, in [0, 1): XTC's.
    pub random_draw: Option<f64>,
}

/// How an id was chosen from the probabilities.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Draw {
    /// As the likeliest, without chance.
    Greedy,
    /// Where the running sum of the probabilities, in the order of ids, first exceeds a number.
    #[non_exhaustive]
    InverseCdf {
        /// The number, in [0, 1).
        u: f64,
        /// The share of the whole sum that stands before the id.
        from: f64,
        /// That share with the id's own.
        to: f64,
    },
    /// As the largest quotient of a probability and an exponential variate of its own, as PyTorch draws.
    #[non_exhaustive]
    ExponentialRace {
        /// The quotients of all ids that were possible, in the order of ids.
        quotients: Vec<(u32, f32)>,
    },
}

/// Looks on while a sampler chooses. `()` sees nothing, and the sampler is compiled for it as if there were nobody.
pub(crate) trait Watch {
    fn begin(&mut self, _logits: &[f32]) {}
    fn step(&mut self, _step: Step, _random_draw: Option<f64>, _logits: &[f32]) {}
    fn greedy(&mut self) {}
    fn walk(&mut self, _u: f64, _walked: &Walked) {}
    fn quotient(&mut self, _id: u32, _quotient: f32) {}
}

impl Watch for () {}

impl Watch for Trace {
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

    fn walk(&mut self, u: f64, walked: &Walked) {
        self.draw = Some(Draw::InverseCdf {
            u,
            from: walked.before / walked.total,
            to: walked.behind / walked.total,
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
