//! Options of the commands that generate text.

use crate::config_file::ConfigFile;
use crate::console::Console;
use crate::constraint_args::ConstraintArgs;
use crate::error::UsageError;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::preset::Preset;
use crate::sampling_args::SamplingArgs;
use clap::Args;
use wolfgang_generate::{
    GenerateError, GenerateOptions, SamplingParams, Tokenizer, WolfgangGenerator,
};

/// Model, sampling and length.
#[derive(Args, Debug)]
pub(crate) struct GenerationArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,

    #[command(flatten)]
    pub(crate) length: LengthArgs,

    #[command(flatten)]
    pub(crate) constraint: ConstraintArgs,

    /// The sampling parameters that the loaded model recommends, with `--preset model`.
    #[arg(skip)]
    recommended: Option<SamplingParams>,
}

impl GenerationArgs {
    /// These options, and for those that are not given the ones of the configuration file.
    pub(crate) fn over(self, file: ConfigFile) -> Self {
        Self {
            model: self.model.over(file.model, &file.folder),
            sampling: self.sampling.over(file.sampling),
            length: self.length.or(file.length),
            constraint: self.constraint,
            recommended: None,
        }
    }

    /// Opens the device and loads the model onto it. Returns the seconds that loading took as well.
    pub(crate) fn load(&mut self, console: Console) -> anyhow::Result<(WolfgangGenerator, f64)> {
        match self.sampling.preset {
            Some(Preset::Model) => self.load_with_settings(console),
            _ => self.model.load(console),
        }
    }

    /// As [`load`](Self::load), and reads the sampling settings of the model, which it need not have
    /// without `--preset model`.
    pub(crate) fn load_with_settings(
        &mut self,
        console: Console,
    ) -> anyhow::Result<(WolfgangGenerator, f64)> {
        let required = self.sampling.preset == Some(Preset::Model);
        let Some(model) = &self.model.model else {
            if required {
                return Err(no_settings("the built-in model"));
            }
            return self.model.load(console);
        };
        let (model, recommended) = (model.display().to_string(), &mut self.recommended);
        self.model.load_after(console, |opened| {
            let Some(config) = opened.generation_config()? else {
                return match required {
                    true => Err(no_settings(&model)),
                    false => Ok(()),
                };
            };
            if !config.unused.is_empty() {
                let (path, unused) = (config.path.display(), config.unused.join(", "));
                console.warn(&format!("{path}: {unused} have no effect"));
            }
            *recommended = opened.sampling()?;
            Ok(())
        })
    }

    /// The sampling parameters that the loaded model recommends.
    pub(crate) fn recommended(&self) -> Option<&SamplingParams> {
        self.recommended.as_ref()
    }

    /// The options of a generation. `max_new_tokens` is the default of the command.
    pub(crate) fn options(
        &self,
        tokenizer: &Tokenizer,
        max_new_tokens: usize,
    ) -> anyhow::Result<GenerateOptions> {
        let recommended = self.recommended.as_ref();
        let options =
            self.length
                .options(&self.sampling, recommended, tokenizer, max_new_tokens)?;
        Ok(options.with_grammar(self.constraint.grammar()?))
    }

    /// Checks what can be checked before the model is loaded, which takes a second.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.sampling.check()?;
        // Ranges can depend on the settings of the model, which are not known yet.
        if self.sampling.preset != Some(Preset::Model) {
            let params = self.sampling.params(None);
            params.validate().map_err(GenerateError::from)?;
        }
        Ok(self.length.check()?)
    }
}

fn no_settings(model: &str) -> anyhow::Error {
    UsageError(format!(
        "--preset model takes the sampling settings of a generation_config.json, but {model} has \
         none; choose goethe, greedy or creative, or set single options"
    ))
    .into()
}
