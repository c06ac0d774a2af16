//! The generator: a model and its tokenizer.

use crate::GenerateError;
use std::sync::Arc;
#[cfg(feature = "constrain")]
use std::sync::OnceLock;
#[cfg(feature = "constrain")]
use wolfgang_constrain::{Grammar, GrammarCompiler, GrammarConstraint};
use wolfgang_model::{ModelConfig, ModelError, WolfgangModel};
use wolfgang_tokenize::Tokenizer;

/// Maximum number of ids that a model has beyond those of its tokenizer, if its vocabulary is not a
/// multiple of [`ROUND`]. Training frameworks pad the vocabulary to a multiple of up to 128, and
/// some add a whole multiple if it is one already.
const MAX_PADDING: usize = 128;

/// The maximum for a model whose vocabulary is a multiple of [`ROUND`]: with tensor parallelism the
/// vocabulary is padded to a multiple of up to 1,024. Phi-2 has 905 such ids, Qwen2 up to 400.
const MAX_PADDING_TO_ROUND: usize = 1023;

/// The size of a vocabulary with large padding is a multiple of this.
const ROUND: usize = 64;

/// A model with its tokenizer, ready to generate.
///
/// It is immutable: any number of generations on any number of threads can share it. `Clone` is
/// cheap, and clones share model and tokenizer. Generations, sessions and conversations hold a
/// clone, so they may outlive the generator that created them.
#[derive(Clone, Debug)]
pub struct WolfgangGenerator {
    model: Arc<WolfgangModel>,
    tokenizer: Tokenizer,
    /// The ids that end a text, in ascending order.
    end_ids: Arc<[u32]>,
    /// Created for the first text with a grammar.
    #[cfg(feature = "constrain")]
    grammars: Arc<OnceLock<GrammarCompiler>>,
}

/// Checks that a tokenizer matches a model of this shape; see [`WolfgangGenerator::new`].
pub(crate) fn check_vocabulary(
    tokenizer: &Tokenizer,
    config: &ModelConfig,
) -> Result<(), GenerateError> {
    let (known, possible) = (tokenizer.vocab_size(), config.vocab_size);
    let padding = possible.checked_sub(known);
    let limit = match possible % ROUND {
        0 => MAX_PADDING_TO_ROUND,
        _ => MAX_PADDING,
    };
    if padding.is_some_and(|padding| padding <= limit) {
        Ok(())
    } else {
        Err(GenerateError::VocabularyMismatch {
            tokenizer: known,
            model: possible,
        })
    }
}

impl WolfgangGenerator {
    /// Creates a generator from a model and a tokenizer. A text ends at the tokenizer's
    /// `<|endoftext|>` and [`eos_id`](Tokenizer::eos_id); [`with_end_ids`](Self::with_end_ids) adds
    /// the end ids of the checkpoint.
    ///
    /// # Errors
    /// [`GenerateError::VocabularyMismatch`] unless the vocabulary of the model has the size of the
    /// tokenizer's, or is larger by padding: by at most 128 ids, or by at most 1,023 if the model's
    /// `vocab_size` is a multiple of 64.
    pub fn new(model: WolfgangModel, tokenizer: Tokenizer) -> Result<Self, GenerateError> {
        check_vocabulary(&tokenizer, model.config())?;
        let end_ids = [tokenizer.end_of_text(), tokenizer.eos_id()];
        let generator = Self {
            model: Arc::new(model),
            tokenizer,
            end_ids: [].into(),
            #[cfg(feature = "constrain")]
            grammars: Arc::default(),
        };
        Ok(generator.with_end_ids(end_ids.into_iter().flatten()))
    }

    /// Adds ids that end a text, for example [`Checkpoint::end_ids`](crate::Checkpoint::end_ids).
    #[must_use]
    pub fn with_end_ids(mut self, ids: impl IntoIterator<Item = u32>) -> Self {
        let mut end_ids = self.end_ids.to_vec();
        end_ids.extend(ids);
        end_ids.sort_unstable();
        end_ids.dedup();
        self.end_ids = end_ids.into();
        self
    }

    /// Sets the date that the chat template sees ([`Tokenizer::with_chat_date`]). Default: none.
    ///
    /// # Errors
    /// [`GenerateError::Tokenizer`] if there is no such date.
    pub fn with_chat_date(mut self, year: u16, month: u8, day: u8) -> Result<Self, GenerateError> {
        self.tokenizer = self.tokenizer.with_chat_date(year, month, day)?;
        Ok(self)
    }

    /// Returns the ids that end a text, in ascending order: the tokenizer's `<|endoftext|>` and
    /// [`eos_id`](Tokenizer::eos_id), and those added by [`with_end_ids`](Self::with_end_ids).
    /// Loading adds those of the checkpoint.
    pub fn end_ids(&self) -> &[u32] {
        &self.end_ids
    }

    /// Returns the model.
    pub fn model(&self) -> &WolfgangModel {
        &self.model
    }

    /// Returns the tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Compiles a grammar to the constraint of one text.
    #[cfg(feature = "constrain")]
    pub(crate) fn constraint(
        &self,
        grammar: &Grammar,
        end_ids: &[u32],
    ) -> Result<GrammarConstraint, GenerateError> {
        let compiler = match self.grammars.get() {
            Some(compiler) => compiler,
            None => {
                let compiler = GrammarCompiler::new(&self.tokenizer)?;
                self.grammars.get_or_init(|| compiler)
            }
        };
        Ok(compiler.compile(grammar, end_ids)?)
    }

    /// Returns an error if `n` exceeds the size of the vocabulary.
    pub(crate) fn check_alternatives(&self, n: usize) -> Result<(), GenerateError> {
        let vocab_size = self.model.config().vocab_size;
        if n > vocab_size {
            return Err(GenerateError::TooManyAlternatives { n, vocab_size });
        }
        Ok(())
    }

    /// Returns an error if an id is outside the vocabulary.
    pub(crate) fn check_ids(&self, ids: &[u32]) -> Result<(), GenerateError> {
        let vocab_size = self.model.config().vocab_size;
        match ids.iter().position(|id| *id as usize >= vocab_size) {
            None => Ok(()),
            Some(position) => Err(GenerateError::Model(ModelError::UnknownId {
                id: ids[position],
                position,
                vocab_size,
            })),
        }
    }
}
