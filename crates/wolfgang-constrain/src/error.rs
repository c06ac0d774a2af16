//! Errors of grammars.

/// Error of compiling a grammar.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrammarError {
    /// The grammar is not valid, uses what is not supported, or exceeds a limit.
    #[error("the {kind} cannot be used: {message}")]
    Invalid {
        /// `regular expression`, `JSON Schema` or `grammar`.
        kind: &'static str,
        /// What is wrong, with its place if it has one.
        message: String,
    },
    /// The grammar has more bytes than a limit.
    #[error("the {kind} has {bytes} bytes, but at most {limit} are allowed")]
    TooLarge {
        /// `regular expression`, `JSON Schema` or `grammar`.
        kind: &'static str,
        /// Size of the grammar.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Brackets of the grammar are nested too deeply.
    #[error("the {kind} has more than {limit} nested brackets at byte {offset}")]
    TooDeep {
        /// `regular expression`, `JSON Schema` or `grammar`.
        kind: &'static str,
        /// The first bracket beyond the limit.
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// Every text of the grammar begins with bytes that the vocabulary lacks.
    #[error(
        "every text that the {kind} allows begins with {text:?}, but no token of the vocabulary has the bytes at its offset {offset}"
    )]
    MissingBytes {
        /// `regular expression`, `JSON Schema` or `grammar`.
        kind: &'static str,
        /// How every text begins.
        text: String,
        /// Offset of the first missing byte in it.
        offset: usize,
    },
    /// The vocabulary cannot be used with grammars.
    #[error("the vocabulary cannot be used with grammars: {message}")]
    Vocabulary {
        /// What is wrong.
        message: String,
    },
}
