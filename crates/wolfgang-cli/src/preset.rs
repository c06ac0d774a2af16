//! Named sets of sampling parameters.

use clap::ValueEnum;
use serde::Deserialize;
use wolfgang_generate::SamplingParams;

/// A name for a set of sampling parameters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Preset {
    /// For chats, as recommended in the model card: temperature 0.5, top-p 0.8, top-k 15,
    /// repetition penalty 1.1 over the last 48 generated tokens
    Goethe,
    /// Greedy decoding without penalties
    Greedy,
    /// More random: temperature 1.1, min-p 0.05 instead of top-k and top-p, repetition penalty 1.1
    /// over the last 64 tokens
    Creative,
    /// The settings of the model: its generation_config.json, with the defaults of transformers
    Model,
}

impl Preset {
    /// The parameters. `recommended` are those of the model; until it is opened, the defaults of
    /// the library stand for them.
    pub(crate) fn sampling(self, recommended: Option<&SamplingParams>) -> SamplingParams {
        match self {
            Self::Goethe => SamplingParams::goethe(),
            Self::Greedy => SamplingParams::greedy(),
            Self::Creative => SamplingParams::creative(),
            Self::Model => recommended.cloned().unwrap_or_default(),
        }
    }
}
