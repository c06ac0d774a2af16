//! The facade: a model and its tokenizer.

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

/// Ids that a model may have beyond those of its tokenizer, whatever its size: training frameworks pad the vocabulary to a
/// multiple of up to 128, also where it is one already.
const MAX_PADDING: usize = 128;

/// The same for a model whose vocabulary is a multiple of [`ROUND`]: with tensor parallelism the multiple is up to 1,024.
/// Phi-2 has 905 such ids, Qwen2 up to 400.
const MAX_PADDING_TO_ROUND: usize = 1023;

/// What padded vocabularies are a multiple of, where the padding is large.
const ROUND: usize = 64;

/// Samples at once, at most: each has a cache of its own, so that a wrong number would take all memory.
const MAX_SAMPLES: usize = 256;

/// A model with its tokenizer, ready to generate. Immutable: any number of generations can share one, from any
/// number of threads.
///
/// `Clone` is cheap: clones share model and tokenizer. Whatever generates keeps a clone, so it may
/// outlive the generator that it came from.
#[derive(Clone, Debug)]
pub struct WolfgangGenerator {
    model: Arc<WolfgangModel>,
    tokenizer: Tokenizer,
    /// The ids that end a text, rising.
    end_ids: Arc<[u32]>,
}

/// Checks that a tokenizer belongs to a model of this shape: see [`WolfgangGenerator::new`].
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
    /// Loads the model at `source`: a `.pt`, a native or a Hugging Face folder or, with the feature `hub`,
    /// `hf:OWNER/NAME[/FILE.pt][@REVISION]`, a model on the Hugging Face Hub. A path that begins with `hf:` is written
    /// `./hf:…`.
    ///
    /// Its defaults are the model's own tokenizer, the fastest device that works, weights in f32, and one thread for each
    /// core.
    pub fn builder<'p>(source: impl AsRef<Path>) -> GeneratorBuilder<'p> {
        GeneratorBuilder::new(source.as_ref())
    }

    /// Reads a checkpoint and a `tokenizer.json` onto `device`: the original's three arguments, and the defaults of
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    /// As [`GeneratorBuilder::load`].
    pub fn load(
        checkpoint: impl AsRef<Path>,
        tokenizer: impl AsRef<Path>,
        device: &Device,
    ) -> Result<Self, GenerateError> {
        let builder = Self::builder(checkpoint).tokenizer(tokenizer);
        builder.device(device.clone()).load()
    }

    /// Reads a checkpoint with the `tokenizer.json` that lies in its folder, or beside it if it is a file.
    ///
    /// # Errors
    /// As [`GeneratorBuilder::load`].
    pub fn from_path(checkpoint: impl AsRef<Path>, device: &Device) -> Result<Self, GenerateError> {
        Self::builder(checkpoint).device(device.clone()).load()
    }

    /// Puts a model and a tokenizer together. The tokenizer's `<|endoftext|>` ends a text;
    /// [`with_end_ids`](Self::with_end_ids) adds what the checkpoint names.
    ///
    /// # Errors
    /// [`GenerateError::VocabularyMismatch`] unless the model has as many ids as the tokenizer, or more within the limits
    /// of padding: up to 128 more, or up to 1,023 more if its `vocab_size` is a multiple of 64.
    pub fn new(model: WolfgangModel, tokenizer: Tokenizer) -> Result<Self, GenerateError> {
        check_vocabulary(&tokenizer, model.config())?;
        let end_ids = tokenizer.end_of_text().into_iter().collect();
        Ok(Self {
            model: Arc::new(model),
            tokenizer,
            end_ids,
        })
    }

    /// Ends texts at these ids, too: those of
    /// [`Checkpoint::end_ids`](crate::Checkpoint::end_ids).
    #[must_use]
    pub fn with_end_ids(mut self, ids: impl IntoIterator<Item = u32>) -> Self {
        let mut end_ids = self.end_ids.to_vec();
        end_ids.extend(ids);
        end_ids.sort_unstable();
        end_ids.dedup();
        self.end_ids = end_ids.into();
        self
    }

    /// The ids that end a text, rising: the tokenizer's `<|endoftext|>`, and those that the checkpoint names.
    pub fn end_ids(&self) -> &[u32] {
        &self.end_ids
    }

    /// The model.
    pub fn model(&self) -> &WolfgangModel {
        &self.model
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Begins a generation. Everything is checked here; the work begins with the first event that is asked for.
    ///
    /// # Errors
    /// Every [`GenerateError`] but those of loading and of the device.
    pub fn generate<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Generation, GenerateError> {
        self.begin(prompt.into(), options, CacheLease::default())
    }

    /// Generates without streaming: the fold of [`generate`](Self::generate)'s events, with the same text.
    ///
    /// # Errors
    /// Every [`GenerateError`] but those of loading.
    pub fn generate_text<'p>(
        &self,
        prompt: impl Into<Prompt<'p>>,
        options: &GenerateOptions,
    ) -> Result<Summary, GenerateError> {
        self.generate(prompt, options)?.into_summary()
    }

    /// Begins `n` generations from the same prompt, which is computed once. Their seeds count up from the one given or
    /// drawn; each is told in its summary, and gives the same text alone. There can be 1 to 256.
    ///
    /// Where each needs a processor or a stopping criterion of the caller's, push them into a [`Batch`] one by one: it
    /// computes their prompt once, too.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and [`GenerateError::SampleCount`].
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

    /// Generations that go on from each other, without computing again what they have in common.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// A conversation that has not begun. An empty `system` prompt is none.
    ///
    /// # Errors
    /// [`TokenizerError::NoChatToken`](crate::TokenizerError) if the vocabulary lacks control tokens of the format.
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

    /// Refuses more alternatives than the vocabulary has tokens.
    pub(crate) fn check_alternatives(&self, n: usize) -> Result<(), GenerateError> {
        let vocab_size = self.model.config().vocab_size;
        if n > vocab_size {
            return Err(GenerateError::TooManyAlternatives { n, vocab_size });
        }
        Ok(())
    }

    /// Refuses ids outside the vocabulary.
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

    /// Whatever ends the text must not come before the minimum of new tokens.
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

/// The seed given, or one drawn: below 2^52, so that it and those that count up from it are below 2^53 and survive JSON
/// that is read as doubles.
fn seed(options: &GenerateOptions) -> Result<u64, GenerateError> {
    let draw = || match getrandom::u64() {
        Ok(bits) => Ok(bits >> 12),
        Err(error) => Err(GenerateError::NoSeed {
            source: error.into(),
        }),
    };
    options.seed.map_or_else(draw, Ok)
}
