//! Options of the commands that generate text.

use crate::config_file::ConfigFile;
use crate::error::UsageError;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::sampling_args::SamplingArgs;
use clap::Args;
use wolfgang_generate::{GenerateError, GenerateOptions, Tokenizer};

/// Model, sampling and length.
#[derive(Args, Debug)]
pub(crate) struct GenerationArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,

    #[command(flatten)]
    pub(crate) length: LengthArgs,
}

impl GenerationArgs {
    /// These options, and for those that are not given the ones of the configuration file.
    pub(crate) fn over(self, file: ConfigFile) -> Self {
        Self {
            model: self.model.over(file.model, &file.folder),
            sampling: self.sampling.over(file.sampling),
            length: self.length.or(file.length),
        }
    }

    /// The options of a generation. `max_new_tokens` is the default of the command.
    pub(crate) fn options(
        &self,
        tokenizer: &Tokenizer,
        max_new_tokens: usize,
    ) -> Result<GenerateOptions, UsageError> {
        self.length
            .options(&self.sampling, tokenizer, max_new_tokens)
    }

    /// Checks what can be checked before the model is loaded, which takes a second.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.sampling.check()?;
        let params = self.sampling.params();
        params.validate().map_err(GenerateError::from)?;
        Ok(self.length.check()?)
    }
}
