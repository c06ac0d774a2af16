//! Repetition penalty: makes recent ids less likely.

use super::LogitsProcessor;
use crate::{History, PenaltyScope};

/// The penalty of CTRL (Keskar et al. 2019, equation 4), over a window of recent ids.
///
/// Each distinct id in the window is penalised once: a positive logit is divided by the penalty, a
/// negative one multiplied, so that both become smaller.
#[derive(Clone, Debug)]
pub(crate) struct RepetitionPenalty {
    penalty: f32,
    window: usize,
    scope: PenaltyScope,
    /// Per vocabulary entry: already penalised in this step. All false between steps.
    done: Vec<bool>,
}

impl RepetitionPenalty {
    /// Creates a penalty on the last `window` ids within `scope`.
    pub(crate) fn new(penalty: f32, window: usize, scope: PenaltyScope, vocab_size: usize) -> Self {
        Self {
            penalty,
            window,
            scope,
            done: vec![false; vocab_size],
        }
    }
}

impl LogitsProcessor for RepetitionPenalty {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        let (older, newer) = history.last(self.window, self.scope);
        let recent = || older.iter().chain(newer).map(|&id| id as usize);
        for id in recent() {
            let (Some(logit), Some(done)) = (logits.get_mut(id), self.done.get_mut(id)) else {
                continue;
            };
            if !std::mem::replace(done, true) {
                *logit = if *logit < 0.0 {
                    *logit * self.penalty
                } else {
                    *logit / self.penalty
                };
            }
        }
        for id in recent() {
            if let Some(done) = self.done.get_mut(id) {
                *done = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distinct_id_is_penalised_once_in_every_step() {
        let mut penalty = RepetitionPenalty::new(2.0, 4, PenaltyScope::Context, 4);
        for _ in 0..2 {
            let mut logits = [1.0, -1.0, 4.0, 8.0];
            // Id 3 is outside the window of four ids.
            penalty.process(
                &mut logits,
                History {
                    prompt: &[3, 0, 0],
                    generated: &[1, 1],
                },
            );
            assert_eq!(logits, [0.5, -2.0, 4.0, 8.0]);
        }
    }
}
