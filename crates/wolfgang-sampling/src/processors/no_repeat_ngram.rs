//! No-repeat n-gram: prevents that a sequence of n ids occurs twice.

use super::LogitsProcessor;
use crate::suffix_matches::{ReverseView, SuffixMatches};
use crate::{History, PenaltyScope};

/// Masks the ids that would complete an n-gram that the prompt or the generated ids already contain
/// (Paulus et al. 2017, section 2.5; `NoRepeatNGramLogitsProcessor` of transformers).
#[derive(Clone, Debug)]
pub(crate) struct NoRepeatNgram {
    /// n − 1.
    prefix_len: usize,
    suffix_matches: SuffixMatches,
}

impl NoRepeatNgram {
    /// `n` must be at least 1.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            prefix_len: n - 1,
            suffix_matches: SuffixMatches::new(n - 1),
        }
    }
}

impl LogitsProcessor for NoRepeatNgram {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let prefix_len = self.prefix_len;
        let sequence = ReverseView::new(history.last(usize::MAX, PenaltyScope::Context));
        self.suffix_matches
            .for_each(sequence, prefix_len, |next, length| {
                if length == prefix_len
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
    fn ids_that_would_complete_a_repeated_n_gram_are_masked() {
        let masked = |n, prompt: &[u32], generated: &[u32]| -> Vec<u32> {
            let mut logits = [0.0; 6];
            NoRepeatNgram::new(n).process(&mut logits, History { prompt, generated });
            let ids = (0..6).filter(|&id| logits[id as usize] == f32::NEG_INFINITY);
            ids.collect()
        };
        // 1 2 and 2 were followed by 3 and by 4.
        let (prompt, generated) = (&[1, 2, 3, 1, 2], &[4, 1, 2]);
        assert_eq!(masked(1, prompt, generated), [1, 2, 3, 4]);
        assert_eq!(masked(2, prompt, generated), [3, 4]);
        assert_eq!(masked(3, prompt, generated), [3, 4]);
        assert_eq!(masked(4, prompt, generated), []);
        assert_eq!(masked(3, &[0, 5, 0], &[5]), [0]);
        assert_eq!(masked(2, &[], &[]), []);
        assert_eq!(masked(2, &[9, 9], &[9]), [], "ids outside the vocabulary");
    }
}
