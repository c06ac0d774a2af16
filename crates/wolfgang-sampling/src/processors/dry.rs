//! DRY: makes it less likely to go on with a repetition.

use super::LogitsProcessor;
use crate::repeats::{ReverseView, SuffixMatches};
use crate::{DryParams, History, PenaltyScope};

/// The penalty that [`DryParams`] describes.
///
/// For every earlier place where the text ran as it runs at its end, for n ids back, the id that went on there is
/// penalised by the longest such n. No n counts ids up to the last sequence breaker.
#[derive(Clone, Debug)]
pub(crate) struct Dry {
    multiplier: f64,
    base: f64,
    allowed_length: usize,
    window: usize,
    /// Per vocabulary entry.
    is_breaker: Vec<bool>,
    repeats: SuffixMatches,
    /// Per vocabulary entry: the longest repetition that it would go on with. All 0 between steps.
    longest: Vec<usize>,
}

/// No id is chosen any more at such a penalty, and no later step makes −∞ of it.
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
            repeats: SuffixMatches::new(params.window),
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
        self.repeats.each(sequence, unbroken, |next, length| {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The penalties on ids 0 to 5 after `ids`.
    fn penalties(params: &DryParams, ids: &[u32]) -> [f32; 6] {
        let mut dry = Dry::new(params, 6);
        let (prompt, generated) = ids.split_at(ids.len() / 2);
        let step = |dry: &mut Dry| {
            let mut logits = [0.0; 6];
            dry.process(&mut logits, History { prompt, generated });
            logits.map(|l| 0.0 - l)
        };
        let first = step(&mut dry);
        assert_eq!(step(&mut dry), first, "no memory of earlier steps");
        first
    }

    fn params() -> DryParams {
        DryParams {
            multiplier: 0.5,
            base: 2.0,
            ..DryParams::default()
        }
    }

    #[test]
    fn the_penalty_grows_with_the_repetition() {
        // The end 2 3 has gone on with 4, the end 1 2 3 with 5.
        let ids = [2, 3, 4, 1, 2, 3, 5, 1, 2, 3];
        assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 0.5, 1.0]);
        let longer = DryParams {
            allowed_length: 3,
            ..params()
        };
        assert_eq!(penalties(&longer, &ids), [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
        let shorter = DryParams {
            allowed_length: 1,
            ..params()
        };
        assert_eq!(penalties(&shorter, &ids), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn of_several_repetitions_the_longest_counts() {
        // 2 3 and 1 2 3 have both gone on with 4, and in between 4 with 0.
        let ids = [2, 3, 4, 0, 1, 2, 3, 4, 5, 1, 2, 3];
        assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        // A loop repeats itself across its own end, here for 6 ids.
        let ids = [2, 3, 4, 1, 2, 3, 4, 1, 2, 3];
        assert_eq!(penalties(&params(), &ids), [0.0, 0.0, 0.0, 0.0, 8.0, 0.0]);
    }

    #[test]
    fn breakers_cut_repetitions_and_are_never_penalised() {
        let ids = [1, 0, 2, 3, 4, 1, 0, 2, 3];
        assert_eq!(penalties(&params(), &ids)[4], 2.0);
        let breaking = |id| DryParams {
            sequence_breakers: vec![id],
            ..params()
        };
        assert_eq!(penalties(&breaking(0), &ids)[4], 0.5);
        assert_eq!(penalties(&breaking(4), &ids), [0.0; 6]);
        assert_eq!(penalties(&breaking(3), &ids), [0.0; 6]);
    }

    #[test]
    fn the_window_ends_the_search() {
        let ids = [1, 2, 3, 4, 0, 0, 5, 1, 2, 3];
        let within = |window| DryParams { window, ..params() };
        assert_eq!(penalties(&within(10), &ids)[4], 1.0);
        assert_eq!(penalties(&within(9), &ids)[4], 0.5);
        assert_eq!(penalties(&within(7), &ids)[4], 0.0);
    }

    #[test]
    fn no_penalty_is_without_bound() {
        let params = DryParams {
            multiplier: 1e6,
            base: 1e6,
            ..params()
        };
        assert_eq!(penalties(&params, &[1; 5000])[1], 1e9);
        assert_eq!(
            penalties(&params, &[9; 50]),
            [0.0; 6],
            "ids beyond the logits"
        );
    }
}
