//! Constrained generation: a regular expression, a JSON Schema or a grammar becomes a
//! [`Constraint`](wolfgang_sampling::Constraint), which masks all ids that cannot lead to a valid
//! text.
//!
//! A [`GrammarCompiler`] knows the vocabulary, and is created once per
//! tokenizer. It compiles a [`Grammar`] for each text. The grammars are parsed and matched by
//! [llguidance](https://docs.rs/llguidance), whose masks follow from derivatives of the lexer's
//! regular expressions, an Earley parser, and a trie of the vocabulary.
//!
//! Limits are counted in steps and not in time, so a constraint gives the same result on every
//! machine.

mod compiler;
mod constraint;
mod error;
mod grammar;
mod vocabulary;

pub use compiler::GrammarCompiler;
pub use constraint::GrammarConstraint;
pub use error::GrammarError;
pub use grammar::Grammar;
