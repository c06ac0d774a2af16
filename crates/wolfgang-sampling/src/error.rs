//! What can go wrong between logits and an id.

/// Why a sampler could not be made or could not choose.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A parameter has a value that means nothing.
    #[error("{parameter} is {value}, but {rule}")]
    InvalidParam {
        /// The parameter's name, as in [`SamplingParams`](crate::SamplingParams).
        parameter: &'static str,
        /// The value found.
        value: String,
        /// What is allowed, as the rest of a sentence.
        rule: &'static str,
    },
    /// A parameter names an id that the vocabulary does not have.
    #[error("{parameter} contains token id {id}, but the vocabulary has {vocab_size} tokens")]
    UnknownId {
        /// The parameter's name, as in [`SamplingParams`](crate::SamplingParams).
        parameter: &'static str,
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// Two parameters cannot both hold.
    #[error("{} and {} conflict: {why}", parameters[0], parameters[1])]
    ConflictingParams {
        /// Their names, as in [`SamplingParams`](crate::SamplingParams).
        parameters: [&'static str; 2],
        /// What would follow.
        why: &'static str,
    },
    /// The slice of logits is not as long as the vocabulary.
    #[error("got {found} logits, but the vocabulary has {expected} tokens")]
    WrongLength {
        /// Length of the slice.
        found: usize,
        /// Size of the vocabulary.
        expected: usize,
    },
    /// A logit is NaN or +∞, so no distribution follows from it.
    #[error("the logit of token id {id} is {value}, but logits must be finite or -inf")]
    InvalidLogit {
        /// The first such id.
        id: usize,
        /// Its value.
        value: f32,
    },
    /// Every id has been ruled out: all logits are −∞.
    #[error("all tokens are masked (every logit is -inf), so no token can be sampled")]
    AllTokensMasked,
}
