//! Errors of sampling.

use crate::Step;
use std::error::Error;
use std::sync::Arc;

/// Error of creating a sampler or of sampling.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A parameter has an invalid value.
    #[error("{parameter} is {value}, but {rule}")]
    InvalidParam {
        /// The parameter's name, as in [`SamplingParams`](crate::SamplingParams).
        parameter: &'static str,
        /// The value found.
        value: String,
        /// The valid values, as the rest of a sentence.
        rule: &'static str,
    },
    /// A parameter contains an id outside the vocabulary.
    #[error("{parameter} contains token id {id}, but the vocabulary has {vocab_size} tokens")]
    UnknownId {
        /// The parameter's name, as in [`SamplingParams`](crate::SamplingParams).
        parameter: &'static str,
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// Two parameters conflict.
    #[error("{} and {} conflict: {why}", parameters[0], parameters[1])]
    ConflictingParams {
        /// Their names, as in [`SamplingParams`](crate::SamplingParams).
        parameters: [&'static str; 2],
        /// The reason.
        why: &'static str,
    },
    /// The number of logits is not the size of the vocabulary.
    #[error("got {found} logits, but the vocabulary has {expected} tokens")]
    WrongLength {
        /// Length of the slice.
        found: usize,
        /// Size of the vocabulary.
        expected: usize,
    },
    /// A logit is NaN or +∞.
    #[error("the logit of token id {id} is {value}, but logits must be finite or -inf")]
    InvalidLogit {
        /// The first such id.
        id: usize,
        /// Its value.
        value: f32,
    },
    /// All tokens are masked: every logit is −∞.
    #[error("all tokens are masked (every logit is -inf), so no token can be sampled")]
    AllTokensMasked,
    /// A step masked all tokens that the constraint allows.
    #[error("{} masks all tokens that the constraint allows, so no token can be sampled", step.as_str())]
    ConflictsWithConstraint {
        /// The step.
        step: Step,
    },
    /// The constraint failed.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
}

/// The error of a [`Constraint`](crate::Constraint).
#[derive(Clone, Debug, thiserror::Error)]
#[error("the constraint failed: {message}")]
#[non_exhaustive]
pub struct ConstraintError {
    /// What failed, as a part of a sentence.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ConstraintError {
    /// Creates an error without a cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }
}

impl PartialEq for ConstraintError {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message
    }
}
