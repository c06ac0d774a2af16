//! Explanations of how tokens were sampled.

use crate::logprobs::{log_sum_exp, logprob, top_n};
use wolfgang_sampling::{Draw, Step, StepSnapshot, Trace};

/// How a generated token was sampled: the probabilities of the model, the effect of each step of
/// the sampling chain, and the draw.
///
/// All logarithms are natural.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    /// The sampled token.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub chosen: Candidate,
    /// The tokens that are most likely according to the model, most likely first; their number is
    /// [`GenerateOptions::explain`](crate::GenerateOptions::explain). They may include the sampled
    /// token.
    pub candidates: Vec<Candidate>,
    /// The enabled steps of the sampling chain, in order.
    pub steps: Vec<StepReport>,
    /// The draw from the distribution after the chain.
    pub draw: DrawReport,
}

/// A candidate for the next token.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Candidate {
    /// Token id.
    pub id: u32,
    /// Rank by the probability of the model; 1 is the most likely token.
    pub rank: usize,
    /// Log-probability according to the model, before the sampling chain.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub model: f32,
    /// Log-probability after the sampling chain, in the distribution of the draw. −∞ if the token
    /// could not be sampled.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub sampled: f32,
    /// The step that masked the token. `None` if it was not masked, also with greedy decoding.
    pub masked_by: Option<Step>,
}

/// The effect of one step of the sampling chain.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// Number of tokens that were not masked before the step.
    pub possible_before: usize,
    /// Number of tokens that are not masked after the step.
    pub possible_after: usize,
    /// The random number that the step consumed, in `[0, 1)`. Only XTC consumes one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub random_draw: Option<f64>,
    /// Number of tokens that the step masked.
    pub masked: usize,
    /// Total probability of the masked tokens before the step.
    pub masked_mass: f64,
    /// The most likely of the masked tokens, most likely first, at most
    /// [`GenerateOptions::explain`](crate::GenerateOptions::explain).
    pub top_masked: Vec<Change>,
    /// Number of other tokens whose logits the step changed.
    pub changed: usize,
    /// The most likely of the changed tokens, most likely first, at most
    /// [`GenerateOptions::explain`](crate::GenerateOptions::explain), followed by the sampled token
    /// if it was changed and is not among them.
    pub top_changed: Vec<Change>,
}

/// The effect of a step on one token.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    /// Token id.
    pub id: u32,
    /// Logit before the step.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logit_before: f32,
    /// Logit after the step; −∞ if the step masked the token.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logit_after: f32,
    /// Log-probability before the step.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logprob_before: f32,
    /// Log-probability after the step; −∞ if the step masked the token.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logprob_after: f32,
}

/// How the token was chosen from the distribution after the chain.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DrawReport {
    /// Greedy decoding: the most likely token, without a random number.
    Greedy,
    /// Inverse transform sampling: each token has an interval of `[0, 1]`, as wide as its
    /// probability, in the order of ids. The token whose interval contains `u` is chosen.
    #[non_exhaustive]
    InverseCdf {
        /// The random number, in `[0, 1)`.
        u: f64,
        /// The intervals of the most likely tokens, at most
        /// [`GenerateOptions::explain`](crate::GenerateOptions::explain), and of the chosen token,
        /// in the order of ids.
        intervals: Vec<CdfInterval>,
    },
    /// Exponential race (Gumbel-max trick): each probability is divided by an exponential random
    /// variate, and the token with the largest quotient is chosen.
    #[non_exhaustive]
    ExponentialRace {
        /// The largest quotients, largest first:
        /// [`GenerateOptions::explain`](crate::GenerateOptions::explain) of them, at least that of
        /// the chosen token.
        contenders: Vec<Contender>,
    },
}

/// The interval of a token in the cumulative distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CdfInterval {
    /// Token id.
    pub id: u32,
    /// Lower bound: the sum of the probabilities of all lower ids.
    pub from: f64,
    /// Upper bound: the lower bound plus the probability of this token.
    pub to: f64,
}

/// A token in an exponential race.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Contender {
    /// Token id.
    pub id: u32,
    /// The probability divided by the random variate.
    pub quotient: f32,
}

/// Records the sampling chain and builds an [`Explanation`] from it.
#[derive(Debug)]
pub(crate) struct Explainer {
    n: usize,
    pub(crate) trace: Trace,
}

impl Explainer {
    /// Creates an explainer that lists `n` alternatives.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            n,
            trace: Trace::default(),
        }
    }

    /// Explains the recorded step, in which `id` was sampled from `probabilities`, `[vocab_size]`.
    pub(crate) fn of(&self, id: u32, probabilities: &[f32]) -> Explanation {
        let Trace {
            initial_logits: before,
            steps,
            draw,
            ..
        } = &self.trace;
        let total = log_sum_exp(before);
        let candidate = |id: u32| {
            let logit = before[id as usize];
            let is_before = |(other, l): (u32, &f32)| *l > logit || *l == logit && other < id;
            Candidate {
                id,
                rank: 1 + (0..).zip(before).filter(|other| is_before(*other)).count(),
                model: (f64::from(logit) - total) as f32,
                sampled: probabilities[id as usize].ln(),
                masked_by: masked_by(steps, id),
            }
        };
        let ids = 0..before.len() as u32;
        let candidates = top_n(before, ids, self.n);
        let so_far = std::iter::once(before).chain(steps.iter().map(|snapshot| &snapshot.logits));
        Explanation {
            chosen: candidate(id),
            candidates: candidates.into_iter().map(candidate).collect(),
            steps: so_far
                .zip(steps)
                .map(|(before, snapshot)| self.report(before, snapshot, id))
                .collect(),
            draw: match draw {
                Some(Draw::InverseCdf { u, .. }) => DrawReport::InverseCdf {
                    u: *u,
                    intervals: self.intervals(id, probabilities),
                },
                Some(Draw::ExponentialRace { quotients, .. }) => DrawReport::ExponentialRace {
                    contenders: self.contenders(quotients),
                },
                // All crates have the same version, so there are no other variants.
                Some(_) | None => DrawReport::Greedy,
            },
        }
    }

    fn report(&self, before: &[f32], snapshot: &StepSnapshot, chosen: u32) -> StepReport {
        let after = &snapshot.logits;
        let (total_before, total_after) = (log_sum_exp(before), log_sum_exp(after));
        let change = |id: u32| {
            let (logit_before, logit_after) = (before[id as usize], after[id as usize]);
            Change {
                id,
                logit_before,
                logit_after,
                logprob_before: logprob(logit_before, total_before),
                logprob_after: logprob(logit_after, total_after),
            }
        };
        let is_possible = |logits: &[f32], id: u32| logits[id as usize] > f32::NEG_INFINITY;
        let possible = |logits| move |id: &u32| is_possible(logits, *id);
        let ids = || 0..before.len() as u32;
        let masked = || {
            let possible = ids().filter(possible(before));
            possible.filter(|id| !is_possible(after, *id))
        };
        let changed = || {
            let possible = ids().filter(possible(after));
            possible.filter(|id| before[*id as usize] != after[*id as usize])
        };
        let mut top_changed = top_n(before, changed(), self.n);
        if !top_changed.contains(&chosen) {
            top_changed.extend(changed().find(|id| *id == chosen));
        }
        StepReport {
            step: snapshot.step,
            possible_before: ids().filter(possible(before)).count(),
            possible_after: ids().filter(possible(after)).count(),
            random_draw: snapshot.random_draw,
            masked: masked().count(),
            masked_mass: masked()
                .map(|id| (f64::from(before[id as usize]) - total_before).exp())
                // An empty `sum()` would be −0.
                .fold(0.0, |sum, p| sum + p),
            top_masked: top_n(before, masked(), self.n)
                .into_iter()
                .map(change)
                .collect(),
            changed: changed().count(),
            top_changed: top_changed.into_iter().map(change).collect(),
        }
    }

    fn intervals(&self, chosen: u32, probabilities: &[f32]) -> Vec<CdfInterval> {
        let ids = 0..probabilities.len() as u32;
        let possible = ids.filter(|id| probabilities[*id as usize] > 0.0);
        let mut shown = top_n(probabilities, possible, self.n);
        if !shown.contains(&chosen) {
            shown.push(chosen);
        }
        let total: f64 = probabilities.iter().map(|p| f64::from(*p)).sum();
        let mut sum = 0.0;
        let mut intervals = Vec::with_capacity(shown.len());
        for (id, p) in (0..).zip(probabilities) {
            let from = sum / total;
            sum += f64::from(*p);
            let to = sum / total;
            if shown.contains(&id) {
                intervals.push(CdfInterval { id, from, to });
            }
        }
        intervals
    }

    fn contenders(&self, quotients: &[(u32, f32)]) -> Vec<Contender> {
        let mut contenders: Vec<Contender> = quotients
            .iter()
            .map(|&(id, quotient)| Contender { id, quotient })
            .collect();
        // A stable sort: of equal quotients the lower id is first, as in the race.
        contenders.sort_by(|a, b| b.quotient.total_cmp(&a.quotient));
        contenders.truncate(self.n.max(1));
        contenders
    }
}

/// The step that masked this id, if it is masked at the end of the chain.
fn masked_by(steps: &[StepSnapshot], id: u32) -> Option<Step> {
    let is_out = |snapshot: &&StepSnapshot| snapshot.logits[id as usize] == f32::NEG_INFINITY;
    // Searched from the end, because a later step may unmask an id.
    let out = steps.iter().rev().take_while(is_out);
    out.last().map(|snapshot| snapshot.step)
}

#[cfg(test)]
mod tests;
