//! The names of the steps.

/// A step of the sampling chain, ordered as [the steps run](crate#the-order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The [`Constraint`](crate::Constraint).
    Constraint,
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
    pub const ALL: [Self; 19] = [
        Self::Constraint,
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
    /// except `no_repeat_ngram`, `frequency_presence`, `constraint`, and `custom` for a custom
    /// [`LogitsProcessor`](crate::LogitsProcessor).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Constraint => "constraint",
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
            Step::Constraint => 0,
            Step::AllowedTokens => 1,
            Step::BannedTokens => 2,
            Step::MinNewTokens => 3,
            Step::NoRepeatNgram => 4,
            Step::LogitBias => 5,
            Step::FrequencyPresence => 6,
            Step::Dry => 7,
            Step::Custom(_) => 8,
            Step::Temperature => 9,
            Step::DynamicTemperature => 10,
            Step::RepetitionPenalty => 11,
            Step::TopNSigma => 12,
            Step::TopK => 13,
            Step::TypicalP => 14,
            Step::TopP => 15,
            Step::MinP => 16,
            Step::Xtc => 17,
            Step::Mirostat => 18,
        }
    }

    #[test]
    fn all_lists_every_step_in_order() {
        let positions = Step::ALL.map(position);
        assert!(positions.into_iter().eq(0..Step::ALL.len()));
        assert!(Step::ALL.is_sorted());
    }
}
