//! Presets.

use super::SamplingParams;
use crate::PenaltyScope;

impl SamplingParams {
    /// Returns the parameters that the model card of Wolfgang-LM recommends for conversations:
    /// temperature 0.5, `top_p` 0.8, `top_k` 15, repetition penalty 1.1 over the last 48 generated
    /// ids.
    pub fn goethe() -> Self {
        Self {
            temperature: 0.5,
            top_p: Some(0.8),
            top_k: Some(15),
            repetition_penalty: 1.1,
            repetition_window: 48,
            penalty_scope: PenaltyScope::Generated,
            ..Self::default()
        }
    }

    /// Returns parameters for greedy decoding without penalties: temperature 0, repetition penalty
    /// 1.
    pub fn greedy() -> Self {
        Self {
            temperature: 0.0,
            repetition_penalty: 1.0,
            ..Self::default()
        }
    }

    /// Returns parameters for more varied text, chosen by this project: temperature 1.1, `min_p`
    /// 0.05 instead of `top_k` and `top_p`, repetition penalty 1.1 over the last 64 ids.
    pub fn creative() -> Self {
        Self {
            temperature: 1.1,
            top_k: None,
            top_p: None,
            min_p: Some(0.05),
            repetition_penalty: 1.1,
            repetition_window: 64,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        let presets = [
            SamplingParams::goethe(),
            SamplingParams::greedy(),
            SamplingParams::creative(),
        ];
        for params in presets {
            assert_eq!(params.validate(), Ok(()));
        }
        assert!(SamplingParams::greedy().is_greedy());
    }
}
