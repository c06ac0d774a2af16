//! The names of the steps.

/// A step of the sampling chain, ordered as [the steps run](crate#the-order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// `allowed_tokens`.
    AllowedTokens,
    /// `banned_tokens`.
    BannedTokens,
    /// `min_new_tokens`.
    MinNewTokens,
    /// `no_repeat_ngram_size`.
    NoRepeatNgram,
    /// `logit_bias`.
    LogitBias,
    /// `frequency_penalty` and `presence_penalty`.
    FrequencyPresence,
    /// `dry`.
    Dry,
    /// A custom [`LogitsProcessor`](crate::LogitsProcessor), by its index.
    Custom(usize),
    /// `temperature`.
    Temperature,
    /// `dynamic_temperature`.
    DynamicTemperature,
    /// `repetition_penalty`.
    RepetitionPenalty,
    /// `top_n_sigma`.
    TopNSigma,
    /// `top_k`.
    TopK,
    /// `typical_p`.
    TypicalP,
    /// `top_p`.
    TopP,
    /// `min_p`.
    MinP,
    /// `xtc`.
    Xtc,
    /// `mirostat`.
    Mirostat,
}

#[cfg(feature = "serde")]
impl serde::Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Step {
    /// All steps in their order; custom steps are represented by the first one.
    pub const ALL: [Self; 18] = [
        Self::AllowedTokens,
        Self::BannedTokens,
        Self::MinNewTokens,
        Self::NoRepeatNgram,
        Self::LogitBias,
        Self::FrequencyPresence,
        Self::Dry,
        Self::Custom(0),
        Self::Temperature,
        Self::DynamicTemperature,
        Self::RepetitionPenalty,
        Self::TopNSigma,
        Self::TopK,
        Self::TypicalP,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Mirostat,
    ];

    /// Returns a stable name: that of the parameter in [`SamplingParams`](crate::SamplingParams),
    /// except `no_repeat_ngram`, `frequency_presence`, and `custom` for a custom
    /// [`LogitsProcessor`](crate::LogitsProcessor).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowedTokens => "allowed_tokens",
            Self::BannedTokens => "banned_tokens",
            Self::MinNewTokens => "min_new_tokens",
            Self::NoRepeatNgram => "no_repeat_ngram",
            Self::LogitBias => "logit_bias",
            Self::FrequencyPresence => "frequency_presence",
            Self::Dry => "dry",
            Self::Custom(_) => "custom",
            Self::Temperature => "temperature",
            Self::DynamicTemperature => "dynamic_temperature",
            Self::RepetitionPenalty => "repetition_penalty",
            Self::TopNSigma => "top_n_sigma",
            Self::TopK => "top_k",
            Self::TypicalP => "typical_p",
            Self::TopP => "top_p",
            Self::MinP => "min_p",
            Self::Xtc => "xtc",
            Self::Mirostat => "mirostat",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a wildcard: a new variant does not compile until it is listed here and in `ALL`.
    fn position(step: Step) -> usize {
        match step {
            Step::AllowedTokens => 0,
            Step::BannedTokens => 1,
            Step::MinNewTokens => 2,
            Step::NoRepeatNgram => 3,
            Step::LogitBias => 4,
            Step::FrequencyPresence => 5,
            Step::Dry => 6,
            Step::Custom(_) => 7,
            Step::Temperature => 8,
            Step::DynamicTemperature => 9,
            Step::RepetitionPenalty => 10,
            Step::TopNSigma => 11,
            Step::TopK => 12,
            Step::TypicalP => 13,
            Step::TopP => 14,
            Step::MinP => 15,
            Step::Xtc => 16,
            Step::Mirostat => 17,
        }
    }

    #[test]
    fn all_lists_every_step_in_order() {
        let positions = Step::ALL.map(position);
        assert!(positions.into_iter().eq(0..Step::ALL.len()));
        assert!(Step::ALL.is_sorted());
    }
}
