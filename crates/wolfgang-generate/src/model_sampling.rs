//! The sampling parameters that a model recommends.

use crate::{GenerateError, OpenedModel};
use wolfgang_checkpoint::GenerationConfig;
use wolfgang_sampling::{PenaltyScope, SamplingParams};

impl OpenedModel<'_> {
    /// Reads the `generation_config.json` in the folder of the checkpoint. Returns `None` if there
    /// is none.
    ///
    /// # Errors
    /// [`GenerateError::Checkpoint`] if the file is not valid.
    pub fn generation_config(&self) -> Result<Option<GenerationConfig>, GenerateError> {
        Ok(GenerationConfig::beside(self.checkpoint.path())?)
    }

    /// Returns the sampling parameters that the model recommends: those of its
    /// `generation_config.json`, with the defaults of the transformers library for missing fields.
    /// Returns `None` if there is no such file.
    ///
    /// Without `do_sample`, decoding is greedy. The repetition penalty covers the whole prompt and
    /// text.
    ///
    /// # Errors
    /// Those of [`generation_config`](Self::generation_config), and
    /// [`GenerateError::GenerationConfig`] for a value outside of its range in [`SamplingParams`].
    pub fn sampling(&self) -> Result<Option<SamplingParams>, GenerateError> {
        self.generation_config()?.as_ref().map(params).transpose()
    }
}

fn params(config: &GenerationConfig) -> Result<SamplingParams, GenerateError> {
    let mut params = SamplingParams::default()
        .with_temperature(config.temperature)
        .with_top_k(config.top_k)
        .with_typical_p(Some(config.typical_p).filter(|&p| p != 1.0))
        .with_top_p(Some(config.top_p).filter(|&p| p != 1.0))
        .with_min_p(config.min_p.filter(|&p| p != 0.0))
        .with_no_repeat_ngram_size(config.no_repeat_ngram_size)
        .with_repetition_penalty(config.repetition_penalty)
        .with_repetition_window(usize::MAX)
        .with_penalty_scope(PenaltyScope::Context);
    params
        .validate()
        .map_err(|source| GenerateError::GenerationConfig {
            path: config.path.clone(),
            source,
        })?;
    if !config.do_sample {
        params.temperature = 0.0;
    }
    Ok(params)
}
