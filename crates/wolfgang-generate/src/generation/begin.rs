//! Starting of generations: validation of prompt and options.

use crate::sequence_cache::CacheLease;
use crate::{
    GenerateError, GenerateOptions, Generation, Prompt, PromptTruncation, Summary,
    WolfgangGenerator,
};
use wolfgang_sampling::Sampler;

impl WolfgangGenerator {
    /// Starts a generation. Prompt and options are validated here; computation starts when the
    /// iterator is first advanced.
    ///
    /// # Errors
    /// [`GenerateError::EmptyStopString`], [`GenerateError::UnknownStopToken`],
    /// [`GenerateError::TooManyAlternatives`], [`GenerateError::MinAboveMax`],
    /// [`GenerateError::EmptyPrompt`], [`GenerateError::PromptTooLong`], [`GenerateError::NoSeed`],
    /// [`GenerateError::Tokenizer`], [`GenerateError::Model`] for an id outside the vocabulary,
    /// [`GenerateError::Sampling`] for invalid parameters, and `GenerateError::Grammar` for a
    /// grammar that cannot be used.
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

    pub(crate) fn begin(
        &self,
        prompt: Prompt<'_>,
        options: &GenerateOptions,
        cache: CacheLease,
    ) -> Result<Generation, GenerateError> {
        let config = self.model().config();
        let (vocab_size, block_size) = (config.vocab_size, config.block_size);
        if let Some(index) = options.stop_strings.iter().position(String::is_empty) {
            return Err(GenerateError::EmptyStopString { index });
        }
        let unknown = |id: &u32| *id as usize >= vocab_size;
        if let Some(&id) = options.stop_tokens.iter().find(|id| unknown(id)) {
            return Err(GenerateError::UnknownStopToken { id, vocab_size });
        }
        for n in [options.logprobs, options.prompt_logprobs, options.explain]
            .into_iter()
            .flatten()
        {
            self.check_alternatives(n)?;
        }
        let (min, max) = (options.sampling.min_new_tokens, options.max_new_tokens);
        if min > max {
            return Err(GenerateError::MinAboveMax { min, max });
        }
        let is_reply = matches!(prompt, Prompt::Chat(_) | Prompt::ChatIds(_));
        let ids = prompt.encode(self.tokenizer())?;
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
        #[cfg(feature = "constrain")]
        let sampler = match &options.grammar {
            Some(grammar) => {
                // An id that does not end the text would not be the end of the grammar either.
                let ends = match options.ignore_eos {
                    true => &[][..],
                    false => self.end_ids(),
                };
                sampler.with_constraint(self.constraint(grammar, ends)?)
            }
            None => sampler,
        };
        let generator = self.clone();
        Ok(Generation::new(
            generator, ids, is_reply, options, sampler, seed, cache,
        ))
    }

    /// Adds all ids that end the generation to those that are masked until `min_new_tokens` is
    /// reached.
    fn add_ends(&self, options: &mut GenerateOptions) {
        if options.sampling.min_new_tokens == 0 {
            return;
        }
        let ends = &mut options.sampling.end_tokens;
        if !options.ignore_eos {
            ends.extend(self.end_ids());
        }
        ends.extend(&options.stop_tokens);
        ends.sort_unstable();
        ends.dedup();
    }
}

/// The seed of the options, or a random one below 2^52, so that it and the seeds of `generate_n`
/// are below 2^53 and exact in JSON numbers that are parsed as doubles.
pub(crate) fn seed(options: &GenerateOptions) -> Result<u64, GenerateError> {
    let draw = || match getrandom::u64() {
        Ok(bits) => Ok(bits >> 12),
        Err(error) => Err(GenerateError::NoSeed {
            source: error.into(),
        }),
    };
    options.seed.map_or_else(draw, Ok)
}
