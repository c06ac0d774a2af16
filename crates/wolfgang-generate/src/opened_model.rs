//! Models with an open checkpoint, before their weights are read.

use crate::generator::check_vocabulary;
use crate::{GenerateError, TokenizerSource, WolfgangGenerator};
use std::fmt;
use wolfgang_checkpoint::{Checkpoint, Progress};
use wolfgang_model::{Device, DeviceName, ModelOptions};
use wolfgang_tokenize::Tokenizer;

/// A model whose checkpoint is open but whose weights have not been read, from
/// [`GeneratorBuilder::open`](crate::GeneratorBuilder::open).
///
/// [`checkpoint`](Self::checkpoint) describes the model before [`load`](Self::load) reads the
/// weights.
#[must_use = "weights are only read by `load`"]
pub struct OpenedModel<'p> {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) tokenizer: TokenizerSource,
    pub(crate) device: ChosenDevice,
    pub(crate) options: ModelOptions,
    pub(crate) progress: Option<&'p mut dyn Progress>,
}

/// An open device, or the name of a device to open.
#[derive(Clone, Debug)]
pub(crate) enum ChosenDevice {
    Open(Device),
    Named(DeviceName),
}

impl ChosenDevice {
    pub(crate) fn open(self) -> Result<Device, GenerateError> {
        match self {
            Self::Open(device) => Ok(device),
            Self::Named(name) => Ok(name.open()?),
        }
    }
}

impl OpenedModel<'_> {
    /// Returns the checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns where the tokenizer that [`load`](Self::load) reads comes from.
    pub fn tokenizer(&self) -> &TokenizerSource {
        &self.tokenizer
    }

    /// Reads a tokenizer, with its chat template if there is one, and checks that it matches this
    /// model.
    ///
    /// # Errors
    /// [`GenerateError::VocabularyMismatch`] and those of [`TokenizerSource::load`].
    pub fn read_tokenizer(&self, source: &TokenizerSource) -> Result<Tokenizer, GenerateError> {
        let tokenizer = source.load()?;
        check_vocabulary(&tokenizer, self.checkpoint.config())?;
        Ok(tokenizer)
    }

    /// Reads the tokenizer, opens the device if necessary, and reads the weights.
    ///
    /// # Errors
    /// [`GenerateError::Tokenizer`], [`GenerateError::VocabularyMismatch`],
    /// [`GenerateError::Model`], [`GenerateError::Checkpoint`].
    pub fn load(self) -> Result<WolfgangGenerator, GenerateError> {
        // A wrong tokenizer is reported before the weights are read.
        let tokenizer = self.read_tokenizer(&self.tokenizer)?;
        let device = self.device.open()?;
        let end_ids = self.checkpoint.end_ids().to_vec();
        let mut silent = ();
        let progress = self.progress.unwrap_or(&mut silent);
        let model = self
            .checkpoint
            .into_model_with(&device, self.options, progress)?;
        Ok(WolfgangGenerator::new(model, tokenizer)?.with_end_ids(end_ids))
    }
}

impl fmt::Debug for OpenedModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedModel")
            .field("checkpoint", &self.checkpoint)
            .field("tokenizer", &self.tokenizer)
            .field("device", &self.device)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
