//! Errors of explanations.

/// Error of making a report or a view of it, or of parsing a [`Language`](crate::Language).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The summary contains fewer or more explanations than generated tokens.
    #[error(
        "the summary has {found} explanations of {generated_tokens} tokens; GenerateOptions::explain enables them"
    )]
    MissingExplanations {
        /// Number of explanations.
        found: usize,
        /// Number of generated tokens.
        generated_tokens: usize,
    },
    /// A value could not be serialized as JSON.
    #[error("failed to serialize the explanations as JSON")]
    Json {
        /// The error of the serializer.
        #[from]
        source: serde_json::Error,
    },
    /// The name is not the name of a language.
    #[error("the language is {found:?}, but it must be de or en")]
    UnknownLanguage {
        /// The name found.
        found: String,
    },
}
