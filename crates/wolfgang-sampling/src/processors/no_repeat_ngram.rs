//! No-repeat n-gram: no sequence of n ids occurs twice.

use super::LogitsProcessor;
use crate::repeats::{ReverseView, SuffixMatches};
use crate::{History, PenaltyScope};

/// Rules out the ids that would complete a sequence of `n` ids which the prompt or the generated ids already hold
/// (Paulus et al. 2017, section 2.5; `NoRepeatNGramLogitsProcessor` of transformers).
#[derive(Clone, Debug)]
pub(crate) struct NoRepeatNgram {
    /// n − 1.
    before_last: usize,
    repeats: SuffixMatches,
}

impl NoRepeatNgram {
    /// `n` must be at least 1.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            before_last: n - 1,
            repeats: SuffixMatches::new(n - 1),
        }
    }
}

impl LogitsProcessor for NoRepeatNgram {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let n = self.before_last;
        let sequence = ReverseView::new(history.last(usize::MAX, PenaltyScope::Context));
        self.repeats.each(sequence, n, |next, length| {
            if length == n
                && let Some(logit) = logits.get_mut(next as usize)
            {
                *logit = f32::NEG_INFINITY;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_complete_an_n_gram_goes() {
        let ruled_out = |n, prompt: &[u32], generated: &[u32]| -> Vec<u32> {
            let mut logits = [0.0; 6];
            NoRepeatNgram::new(n).process(&mut logits, History { prompt, generated });
            let ids = (0..6).filter(|&id| logits[id as usize] == f32::NEG_INFINITY);
            ids.collect()
        };
        // 1 2 has gone on as 1 2 3 and 1 2 4, and 2 as 2 3 and 2 4.
        let (prompt, generated) = (&[1, 2, 3, 1, 2], &[4, 1, 2]);
        assert_eq!(ruled_out(1, prompt, generated), [1, 2, 3, 4]);
        assert_eq!(ruled_out(2, prompt, generated), [3, 4]);
        assert_eq!(ruled_out(3, prompt, generated), [3, 4]);
        assert_eq!(ruled_out(4, prompt, generated), []);
        assert_eq!(ruled_out(3, &[0, 5, 0], &[5]), [0]);
        assert_eq!(ruled_out(2, &[], &[]), []);
        assert_eq!(ruled_out(2, &[9, 9], &[9]), [], "ids beyond the logits");
    }
}
