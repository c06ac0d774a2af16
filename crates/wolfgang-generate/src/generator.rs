//! The generator: a model and its tokenizer.

use crate::sequence_cache::CacheLease;
use crate::{
    Batch, Conversation, GenerateError, GenerateOptions, Generation, GeneratorBuilder, Prompt,
    PromptTruncation, Session, Summary,
};
use std::path::Path;
use std::sync::Arc;
use wolfgang_model::{Device, ModelConfig, ModelError, WolfgangModel};
use wolfgang_sampling::Sampler;
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

/// Maximum `n` of [`WolfgangGenerator::generate_n`]. Each sample has a KV cache, so a mistyped
/// number would exhaust the memory.
const MAX_SAMPLES: usize = 256;

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
    /// Returns a builder that loads the model at `source`: a `.pt` file, a native folder, a Hugging
    /// Face folder or, with the feature `hub`, a model on the Hugging Face Hub,
    /// `hf:OWNER/NAME[/FILE.pt][@REVISION]`. To use a path that begins with `hf:`, write `./hf:…`.
    ///
    /// Defaults: the model's own tokenizer, the fastest device that works, weights in f32, and one
    /// thread per core.
    pub fn builder<'p>(source: impl AsRef<Path>) -> GeneratorBuilder<'p> {
        GeneratorBuilder::new(source.as_ref())
    }

    /// Loads a checkpoint and a `tokenizer.json` on `device`. Arguments are those of the original
    /// Python class, and all other settings the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    /// Those of [`GeneratorBuilder::load`].
    pub fn load(
        checkpoint: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {
        let builder = Self::builder(checkpoint).tokenizer(tokenizer);
        builder.device(device.clone()).load()
    }

    /// Loads a checkpoint on `device`, with the `tokenizer.json` in its folder, or next to it if
    /// the checkpoint is a file.
    ///
    /// # Errors
    /// Those of [`GeneratorBuilder::load`].
    pub fn from_path(checkpoint: impl AsRef<Path>, device: &Device) -> Result<Self, GenerateError> {
        Self::builder(checkpoint).device(device.clone()).load()
    }

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

    /// Starts a generation. Prompt and options are validated here; computation starts when the
    /// iterator is first advanced.
    ///
    /// # Errors
    /// [`GenerateError::EmptyStopString`], [`GenerateError::UnknownStopToken`],
    /// [`GenerateError::TooManyAlternatives`], [`GenerateError::MinAboveMax`],
    /// [`GenerateError::EmptyPrompt`], [`GenerateError::PromptTooLong`], [`GenerateError::NoSeed`],
    /// [`GenerateError::Tokenizer`], [`GenerateError::Model`] for an id outside the vocabulary, and
    /// [`GenerateError::Sampling`] for invalid parameters.
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {
        self.begin(prompt.into(), options, CacheLease::default())
    }

    /// Generates a text without streaming. The text is that of the events of
    /// [`generate`](Self::generate).
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), and [`GenerateError::GenerationFailed`].
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {
        self.generate(prompt, options)?.into_summary()
    }

    /// Starts `n` generations from the same prompt, which is computed once. `n` is at most 256.
    /// Their seeds are consecutive numbers from [`GenerateOptions::seed`] or from a random one;
    /// each summary contains its seed, with which [`generate`](Self::generate) returns the same
    /// text.
    ///
    /// To add processors or stopping criteria, push single generations to a [`Batch`], which
    /// computes their common prompt only once, too.
    ///
    /// # Errors
    /// Those of [`generate`](Self::generate), and [`GenerateError::SampleCount`].
    pub fn generate_n<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
        n: usize,
    ) -> Result<Batch, GenerateError> {
        if n == 0 || n > MAX_SAMPLES {
            let limit = MAX_SAMPLES;
            return Err(GenerateError::SampleCount { n, limit });
        }
        let prompt = prompt.into().encode(&self.tokenizer)?;
        let first = seed(options)?;
        let generation = |i: usize| {
            let options = GenerateOptions {
                seed: Some(first.wrapping_add(i as u64)),
                ..options.clone()
            };
            self.generate(&prompt, &options)
        };
        (0..n).map(generation).collect()
    }

    /// Creates a session, which keeps the KV cache between generations.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// Creates a conversation without messages. An empty `system` means no system prompt.
    ///
    /// # Errors
    /// [`GenerateError::Tokenizer`] with [`TokenizerError::NoChatToken`](crate::TokenizerError) if
    /// the vocabulary lacks control tokens of the chat format.
    pub fn conversation(&self, system: impl Into<String>) -> Result<Conversation, GenerateError> {
        Conversation::new(self.clone(), system.into())
    }

    pub(crate) fn begin(
        &self,
        prompt: Prompt<'_>,
        options: &GenerateOptions,
        cache: CacheLease,
    ) -> Result<Generation, GenerateError> {
        let config = self.model.config();
        let (vocab_size, block_size) = (config.vocab_size, config.block_size);
        if let Some(index) = options.stop_strings.iter().position(String::is_empty) {
            return Err(GenerateError::EmptyStopString { index });
        }
        let unknown = |id: &u32| *id as usize >= vocab_size;
        if let Some(&id) = options.stop_tokens.iter().find(|id| unknown(id)) {
            return Err(GenerateError::UnknownStopToken { id, vocab_size });
        }
        for n in [options.logprobs, options.explain].into_iter().flatten() {
            self.check_alternatives(n)?;
        }
        let (min, max) = (options.sampling.min_new_tokens, options.max_new_tokens);
        if min > max {
            return Err(GenerateError::MinAboveMax { min, max });
        }
        let ids = prompt.encode(&self.tokenizer)?;
        self.check_ids(&ids)?;
        if ids.len() > block_size && options.prompt_truncation == PromptTruncation::Error {
            return Err(GenerateError::PromptTooLong {
                tokens: ids.len(),
                block_size,
            });
        }
        let seed = seed(options)?;
        let mut options = options.clone();
        self.add_ends(&mut options);
        let sampler = Sampler::new(&options.sampling, vocab_size, seed)?;
        let generator = self.clone();
        Ok(Generation::new(
            generator, ids, options, sampler, seed, cache,
        ))
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

    /// Adds all ids that end the generation to those that are masked until `min_new_tokens` is
    /// reached.
    fn add_ends(&self, options: &mut GenerateOptions) {
        if options.sampling.min_new_tokens == 0 {
            return;
        }
        let ends = &mut options.sampling.end_tokens;
        if !options.ignore_eos {
            ends.extend(self.end_ids.iter());
        }
        ends.extend(&options.stop_tokens);
        ends.sort_unstable();
        ends.dedup();
    }
}

/// The seed of the options, or a random one below 2^52, so that it and the seeds of `generate_n`
/// are below 2^53 and exact in JSON numbers that are parsed as doubles.
fn seed(options: &GenerateOptions) -> Result<u64, GenerateError> {
    let draw = || match getrandom::u64() {
        Ok(bits) => Ok(bits >> 12),
        Err(error) => Err(GenerateError::NoSeed {
            source: error.into(),
        }),
    };
    options.seed.map_or_else(draw, Ok)
}
