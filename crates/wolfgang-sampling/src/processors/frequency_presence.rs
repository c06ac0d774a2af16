//! Frequency and presence penalty: makes generated ids less likely.

use super::LogitsProcessor;
use crate::History;

/// Subtracts `count · frequency + presence` from the logit of each id that has been generated
/// `count` times, as OpenAI's API defines it. The prompt does not count.
#[derive(Clone, Debug)]
pub(crate) struct FrequencyPresence {
    frequency: f32,
    presence: f32,
    /// Per vocabulary entry: number of times it has been generated. All 0 between steps.
    counts: Vec<u32>,
}

impl FrequencyPresence {
    pub(crate) fn new(frequency: f32, presence: f32, vocab_size: usize) -> Self {
        Self {
            frequency,
            presence,
            counts: vec![0; vocab_size],
        }
    }
}

impl LogitsProcessor for FrequencyPresence {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        for &id in history.generated {
            if let Some(count) = self.counts.get_mut(id as usize) {
                *count = count.saturating_add(1);
            }
        }
        for &id in history.generated {
            let id = id as usize;
            let (Some(logit), Some(count)) = (logits.get_mut(id), self.counts.get_mut(id)) else {
                continue;
            };
            // The first occurrence applies the whole count and resets it.
            let count = std::mem::take(count);
            if count > 0 {
                *logit -= count as f32 * self.frequency + self.presence;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_counts_each_occurrence_and_presence_only_one() {
        let mut penalty = FrequencyPresence::new(0.5, 2.0, 4);
        for _ in 0..2 {
            let mut logits = [1.0, -1.0, 4.0, f32::NEG_INFINITY];
            let history = History {
                prompt: &[2, 2],
                generated: &[0, 1, 0, 3, 0, 7],
            };
            penalty.process(&mut logits, history);
            assert_eq!(logits, [-2.5, -3.5, 4.0, f32::NEG_INFINITY]);
        }
    }

    #[test]
    fn negative_penalties_raise_logits() {
        let mut logits = [0.0, 0.0];
        let history = History {
            prompt: &[],
            generated: &[1, 1],
        };
        FrequencyPresence::new(-0.25, -1.0, 2).process(&mut logits, history);
        assert_eq!(logits, [0.0, 1.5]);
    }
}
