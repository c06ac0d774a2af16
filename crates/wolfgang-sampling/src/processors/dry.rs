//! DRY ("don't repeat yourself"): makes the continuation of a repetition less likely.

#[cfg(test)]
mod tests;

use super::LogitsProcessor;
use crate::suffix_matches::{ReverseView, SuffixMatches};
use crate::{DryParams, History, PenaltyScope};

/// The penalty that [`DryParams`] describes.
///
/// Wherever the last n ids occurred before, the id that followed there is penalised. If an id
/// followed several such repetitions, the longest n counts. A repetition does not extend across a
/// sequence breaker.
#[derive(Clone, Debug)]
pub(crate) struct Dry {
    multiplier: f64,
    base: f64,
    allowed_length: usize,
    window: usize,
    /// Per vocabulary entry.
    is_breaker: Vec<bool>,
    suffix_matches: SuffixMatches,
    /// Per vocabulary entry: length of the longest repetition that it would continue. All 0 between
    /// steps.
    longest: Vec<usize>,
}

/// The largest penalty: an id with it is never sampled, and no later step overflows to −∞.
const MAX_PENALTY: f64 = 1e9;

impl Dry {
    /// `params` must be valid.
    pub(crate) fn new(params: &DryParams, vocab_size: usize) -> Self {
        let mut is_breaker = vec![false; vocab_size];
        for &id in &params.sequence_breakers {
            if let Some(is_breaker) = is_breaker.get_mut(id as usize) {
                *is_breaker = true;
            }
        }
        Self {
            multiplier: f64::from(params.multiplier),
            base: f64::from(params.base),
            allowed_length: params.allowed_length,
            window: params.window,
            is_breaker,
            suffix_matches: SuffixMatches::new(params.window),
            longest: vec![0; vocab_size],
        }
    }

    fn penalty(&self, length: usize) -> f32 {
        let exponent = (length - self.allowed_length) as f64;
        (self.multiplier * self.base.powf(exponent)).min(MAX_PENALTY) as f32
    }
}

impl LogitsProcessor for Dry {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let sequence = ReverseView::new(history.last(self.window, PenaltyScope::Context));
        let is_breaker = |id: u32| self.is_breaker.get(id as usize) == Some(&true);
        let unbroken = sequence
            .ids()
            .position(is_breaker)
            .unwrap_or(sequence.len());
        if unbroken < self.allowed_length {
            return;
        }
        self.suffix_matches
            .for_each(sequence, unbroken, |next, length| {
                if let Some(longest) = self.longest.get_mut(next as usize)
                    && length >= self.allowed_length
                    && !self.is_breaker[next as usize]
                {
                    *longest = length.max(*longest);
                }
            });
        for id in sequence.ids() {
            let id = id as usize;
            let length = self.longest.get_mut(id).map_or(0, std::mem::take);
            if length > 0
                && let Some(logit) = logits.get_mut(id)
            {
                *logit -= self.penalty(length);
            }
        }
    }
}
