//! Compilation of grammars.

use crate::vocabulary::Vocabulary;
use crate::{Grammar, GrammarConstraint, GrammarError};
use llguidance::panic_utils::catch_unwind;
use llguidance::{Matcher, ParserFactory};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use toktrie::TokEnv;
use wolfgang_tokenize::Tokenizer;

/// Compiles grammars for the vocabulary of one tokenizer.
///
/// `Clone` is cheap. Clones and the constraints that they compile share tables of the vocabulary.
#[derive(Clone)]
pub struct GrammarCompiler {
    factory: Arc<ParserFactory>,
    vocabulary: Arc<Vocabulary>,
}

impl GrammarCompiler {
    /// Builds a trie of the vocabulary.
    ///
    /// # Errors
    /// [`GrammarError::Vocabulary`] if a token has more than 1,000 bytes, or there are 2²⁴ tokens.
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, GrammarError> {
        let vocabulary = Arc::new(Vocabulary::new(tokenizer)?);
        let env: TokEnv = vocabulary.clone();
        let factory = catch_unwind(AssertUnwindSafe(|| ParserFactory::new_simple(&env)));
        let mut factory = factory.map_err(|error| GrammarError::Vocabulary {
            message: first_line(&error),
        })?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self {
            factory: Arc::new(factory),
            vocabulary,
        })
    }

    /// Compiles a grammar to the constraint of one text, which ends at one of `end_ids` where the
    /// grammar allows it.
    ///
    /// # Errors
    /// [`GrammarError::Invalid`], [`GrammarError::TooLarge`] above 1 MiB,
    /// [`GrammarError::TooDeep`], and [`GrammarError::MissingBytes`].
    pub fn compile(
        &self,
        grammar: &Grammar,
        end_ids: &[u32],
    ) -> Result<GrammarConstraint, GrammarError> {
        let kind = grammar.kind();
        let invalid = |message| GrammarError::Invalid { kind, message };
        let top_level = grammar.to_top_level()?;
        let compile = || self.factory.create_parser(top_level);
        let parser = catch_unwind(AssertUnwindSafe(compile));
        let parser = parser.map_err(|error| invalid(first_line(&error)))?;
        let mut matcher = Matcher::new(Ok(parser));
        let begin = matcher.compute_ff_bytes();
        if let Some(message) = matcher.get_error() {
            return Err(invalid(shortened(&message)));
        }
        let offset = self.vocabulary.spellable_len(&begin);
        if offset < begin.len() {
            let text = String::from_utf8_lossy(&begin).into_owned();
            return Err(GrammarError::MissingBytes { kind, text, offset });
        }
        let mut constraint = GrammarConstraint::new(matcher, self.vocabulary.end(), end_ids);
        let is_possible = constraint.has_a_text();
        if !is_possible.map_err(|error| invalid(error.message))? {
            return Err(invalid(
                "no text of this vocabulary satisfies it".to_owned(),
            ));
        }
        Ok(constraint)
    }
}

impl std::fmt::Debug for GrammarCompiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrammarCompiler").finish_non_exhaustive()
    }
}

/// The message of an error and its causes, without backtraces.
fn first_line(error: &anyhow::Error) -> String {
    shortened(&format!("{error:#}"))
}

/// A message without the state of the parser and backtraces, which follow in tags.
pub(crate) fn shortened(message: &str) -> String {
    let end = ["\n<state>", "\n<non-verbose/>", "\n<backtrace>"];
    let end = end.iter().filter_map(|tag| message.find(tag)).min();
    message[..end.unwrap_or(message.len())].trim().to_owned()
}
