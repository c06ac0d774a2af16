//! How a token came about.

use crate::logprobs::{likeliest, log_sum_exp, logprob};
use wolfgang_sampling::{Draw, Step, StepSnapshot, Trace};

/// How a generated token came about: what the model thought, what each step of the sampling chain did, and the draw.
///
/// Logarithms are natural ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    /// The token.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub chosen: Candidate,
    /// The likeliest tokens by the model, likeliest first, as many as were asked for; the chosen one may be among them.
    pub candidates: Vec<Candidate>,
    /// Each step of the chain, in order.
    pub steps: Vec<StepReport>,
    /// How the token was chosen from what the chain had left.
    pub draw: DrawReport,
}

/// A token that might come next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Candidate {
    /// Its id.
    pub id: u32,
    /// Its place by the model's probabilities, 1 for the likeliest.
    pub rank: usize,
    /// The logarithm of its probability by the model.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub model: f32,
    /// The same behind the chain, as it was drawn from; −∞ for what could not be chosen.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub sampled: f32,
    /// The step that ruled it out. A greedy choice passes others over without one.
    pub ruled_out_by: Option<Step>,
}

/// What one step of the chain did.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How many tokens were possible before it.
    pub possible_before: usize,
    /// How many were behind it.
    pub possible: usize,
    /// The random number that it took, in [0, 1): XTC's.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub random_draw: Option<f64>,
    /// How many tokens it ruled out.
    pub removed: usize,
    /// The probability that they had together before it.
    pub removed_mass: f64,
    /// The likeliest of them, likeliest first, as many as alternatives were asked for.
    pub removed_likeliest: Vec<Change>,
    /// How many logits it changed of tokens that stayed possible.
    pub changed: usize,
    /// The likeliest of these, as above, and the chosen one if it is among them.
    pub changed_likeliest: Vec<Change>,
}

/// What a step did to one token.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Change {
    /// Its id.
    pub id: u32,
    /// Its logit before the step.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logit_before: f32,
    /// Its logit behind it, −∞ if it was ruled out.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub logit: f32,
    /// The logarithm of the probability that it had before the step.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub before: f32,
    /// The same behind it.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::logarithm::serialize")
    )]
    pub behind: f32,
}

/// How the token was chosen.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DrawReport {
    /// As the likeliest, without chance.
    Greedy,
    /// The possible tokens lie side by side from 0 to 1, in the order of ids, each as wide as it is probable. The one is
    /// chosen in which `u` lies.
    #[non_exhaustive]
    InverseCdf {
        /// The random number, in [0, 1).
        u: f64,
        /// Where the likeliest lie, in the order of ids, as many as alternatives were asked for, and the chosen one.
        intervals: Vec<CdfInterval>,
    },
    /// Each possible token's probability was divided by a random number of its own; the largest quotient won.
    #[non_exhaustive]
    ExponentialRace {
        /// The largest quotients, largest first, as many as alternatives were asked for, at least the winner's.
        contenders: Vec<Contender>,
    },
}

/// Where a token lies between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CdfInterval {
    /// Its id.
    pub id: u32,
    /// The sum of the probabilities before it.
    pub from: f64,
    /// That sum with its own.
    pub to: f64,
}

/// How a token did in a race.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Contender {
    /// Its id.
    pub id: u32,
    /// Its probability by its random number, an exponential variate.
    pub quotient: f32,
}

/// Watches the chain, and makes an explanation of what it saw.
#[derive(Debug)]
pub(crate) struct Explainer {
    n: usize,
    pub(crate) trace: Trace,
}

impl Explainer {
    /// Tells of so many alternatives.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            n,
            trace: Trace::default(),
        }
    }

    /// What to tell of the step in the trace, in which `id` was chosen from `probabilities`, `[vocab_size]`.
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
                ruled_out_by: ruled_out_by(steps, id),
            }
        };
        let ids = 0..before.len() as u32;
        let candidates = likeliest(before, ids, self.n);
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
                // The crates have one version: there is no other draw.
                Some(_) | None => DrawReport::Greedy,
            },
        }
    }

    fn report(&self, before: &[f32], snapshot: &StepSnapshot, chosen: u32) -> StepReport {
        let behind = &snapshot.logits;
        let (total_before, total) = (log_sum_exp(before), log_sum_exp(behind));
        let change = |id: u32| {
            let (logit_before, logit) = (before[id as usize], behind[id as usize]);
            Change {
                id,
                logit_before,
                logit,
                before: logprob(logit_before, total_before),
                behind: logprob(logit, total),
            }
        };
        let is_possible = |logits: &[f32], id: u32| logits[id as usize] > f32::NEG_INFINITY;
        let possible = |logits| move |id: &u32| is_possible(logits, *id);
        let ids = || 0..before.len() as u32;
        let removed = || {
            let possible = ids().filter(possible(before));
            possible.filter(|id| !is_possible(behind, *id))
        };
        let changed = || {
            let possible = ids().filter(possible(behind));
            possible.filter(|id| before[*id as usize] != behind[*id as usize])
        };
        let mut changed_likeliest = likeliest(before, changed(), self.n);
        if !changed_likeliest.contains(&chosen) {
            changed_likeliest.extend(changed().find(|id| *id == chosen));
        }
        StepReport {
            step: snapshot.step,
            possible_before: ids().filter(possible(before)).count(),
            possible: ids().filter(possible(behind)).count(),
            random_draw: snapshot.random_draw,
            removed: removed().count(),
            removed_mass: removed()
                .map(|id| (f64::from(before[id as usize]) - total_before).exp())
                // The sum of nothing would be −0.
                .fold(0.0, |sum, p| sum + p),
            removed_likeliest: likeliest(before, removed(), self.n)
                .into_iter()
                .map(change)
                .collect(),
            changed: changed().count(),
            changed_likeliest: changed_likeliest.into_iter().map(change).collect(),
        }
    }

    fn intervals(&self, chosen: u32, probabilities: &[f32]) -> Vec<CdfInterval> {
        let ids = 0..probabilities.len() as u32;
        let possible = ids.filter(|id| probabilities[*id as usize] > 0.0);
        let mut shown = likeliest(probabilities, possible, self.n);
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
        // Stable, so of equal ones the lower id stays first, as in the race.
        contenders.sort_by(|a, b| b.quotient.total_cmp(&a.quotient));
        contenders.truncate(self.n.max(1));
        contenders
    }
}

/// The step that an id did not survive, if it did not.
fn ruled_out_by(steps: &[StepSnapshot], id: u32) -> Option<Step> {
    let is_out = |snapshot: &&StepSnapshot| snapshot.logits[id as usize] == f32::NEG_INFINITY;
    // From the end, for a later step may lift what an earlier one ruled out.
    let out = steps.iter().rev().take_while(is_out);
    out.last().map(|snapshot| snapshot.step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wolfgang_sampling::{History, RngKind, Sampler, SamplingError, SamplingParams};

    /// Probabilities by the model, in the order of ids.
    const MODEL: [f32; 5] = [0.05, 0.4, 0.1, 0.25, 0.2];

    fn explain(params: &SamplingParams, n: usize) -> Result<Explanation, SamplingError> {
        let mut logits = MODEL.map(f32::ln);
        let mut explainer = Explainer::new(n);
        let history = History::new(&[1], &[]);
        let mut sampler = Sampler::new(params, MODEL.len(), 7)?;
        let id = sampler.sample_traced(&mut logits, history, &mut explainer.trace)?;
        Ok(explainer.of(id, &logits))
    }

    fn params() -> SamplingParams {
        SamplingParams::default()
            .with_temperature(1.0)
            .with_repetition_penalty(2.0)
            .with_top_k(3)
            .with_top_p(None)
    }

    fn is_close(logprob: f32, p: f32) -> bool {
        (logprob.exp() - p).abs() < 1e-5
    }

    #[test]
    fn every_step_tells_what_it_did() {
        // The penalty makes 0.4 · 0.4 = 0.16 of id 1, of 0.76 in all.
        let told = explain(&params(), 2).unwrap();
        let [penalty, top_k] = &told.steps[..] else {
            panic!("{told:?}");
        };
        assert_eq!(penalty.step, Step::RepetitionPenalty);
        assert_eq!((penalty.possible_before, penalty.possible), (5, 5));
        assert_eq!((penalty.removed, penalty.changed), (0, 1));
        let change = penalty.changed_likeliest[0];
        assert_eq!(change.id, 1);
        assert!(is_close(change.before, 0.4) && is_close(change.behind, 0.16 / 0.76));
        assert_eq!(top_k.step, Step::TopK);
        assert_eq!((top_k.possible_before, top_k.possible), (5, 3));
        assert_eq!((top_k.removed, top_k.changed), (2, 0));
        assert!((top_k.removed_mass - 0.15 / 0.76).abs() < 1e-5);
        let ids = |changes: &[Change]| changes.iter().map(|c| c.id).collect::<Vec<_>>();
        assert_eq!(ids(&top_k.removed_likeliest), [2, 0]);
        assert_eq!(top_k.removed_likeliest[0].behind, f32::NEG_INFINITY);
    }

    #[test]
    fn candidates_stand_by_the_model_and_tell_their_fate() {
        let told = explain(&params(), 5).unwrap();
        let by = |f: fn(&Candidate) -> usize| told.candidates.iter().map(f).collect::<Vec<_>>();
        assert_eq!(by(|c| c.id as usize), [1, 3, 4, 2, 0]);
        assert_eq!(by(|c| c.rank), [1, 2, 3, 4, 5]);
        for candidate in &told.candidates {
            assert!(is_close(candidate.model, MODEL[candidate.id as usize]));
            let out = [0, 2].contains(&candidate.id);
            assert_eq!(candidate.ruled_out_by, out.then_some(Step::TopK));
            assert_eq!(candidate.sampled == f32::NEG_INFINITY, out);
        }
        assert!(told.candidates.contains(&told.chosen));
    }

    #[test]
    fn the_draw_lies_in_the_share_of_the_chosen() {
        for n in [0, 1, 3] {
            let told = explain(&params(), n).unwrap();
            let DrawReport::InverseCdf { u, intervals } = &told.draw else {
                panic!("{told:?}");
            };
            assert!(intervals.is_sorted_by(|a, b| a.id < b.id && a.to <= b.from));
            let chosen = intervals.iter().find(|share| share.id == told.chosen.id);
            let chosen = chosen.unwrap();
            assert!((chosen.from..=chosen.to).contains(u), "{u} {chosen:?}");
            assert!(is_close(
                told.chosen.sampled,
                (chosen.to - chosen.from) as f32
            ));
        }
        let all = explain(&params(), 3).unwrap().draw;
        let DrawReport::InverseCdf { intervals, .. } = all else {
            panic!("{all:?}");
        };
        assert_eq!(
            (intervals.len(), intervals[0].from, intervals[2].to),
            (3, 0.0, 1.0)
        );
    }

    #[test]
    fn other_draws_are_told_too() {
        let torch = params().with_rng(RngKind::Torch);
        let told = explain(&torch, 2).unwrap();
        let DrawReport::ExponentialRace { contenders } = &told.draw else {
            panic!("{told:?}");
        };
        assert_eq!((contenders.len(), contenders[0].id), (2, told.chosen.id));
        assert!(contenders[0].quotient >= contenders[1].quotient);
        let greedy = params().with_temperature(0.0);
        let told = explain(&greedy, 1).unwrap();
        assert_eq!(told.draw, DrawReport::Greedy);
        assert_eq!((told.chosen.id, told.chosen.rank), (3, 2));
        assert_eq!(told.candidates[0].ruled_out_by, None);
    }
}
