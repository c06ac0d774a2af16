//! The arguments of `wolfgang generate`.

use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::sampling_args::SamplingArgs;
use crate::token_ids::TokenIds;
use crate::whole_number;
use clap::Args;
use std::num::NonZeroUsize;

/// The text alone goes to standard output, as it is made; everything else goes to standard error.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang generate \"Über allen Gipfeln\"
  wolfgang generate \"Habe nun, ach!\" --preset creative --seed 7 --include-prompt
  wolfgang generate \"Es war einmal\" --model ckpt.pt --tokenizer tokenizer.json --stop \"Ende\"
  echo \"Wer reitet so spät\" | wolfgang generate --samples 3 --json")]
pub(crate) struct GenerateArgs {
    /// The text to continue. Without it, or as `-`, it is read from standard input (a final line break does not count); on
    /// a terminal, none begins a new document. A word that begins with a dash goes last, after `--`
    #[arg(conflicts_with = "prompt_ids")]
    pub(crate) prompt: Option<String>,

    /// The prompt as token ids, between commas or blanks, or as a JSON list
    #[arg(long, value_name = "1,2,3")]
    pub(crate) prompt_ids: Option<Vec<TokenIds>>,

    /// How many texts to generate, with seeds that count up; they share one pass of the model
    #[arg(
        long,
        short = 'n',
        value_name = "N",
        default_value = "1",
        value_parser = whole_number::positive,
        allow_negative_numbers = true
    )]
    pub(crate) samples: NonZeroUsize,

    /// Write the prompt before its continuation
    #[arg(long)]
    pub(crate) include_prompt: bool,

    /// Write the text when it is complete instead of as it is made
    #[arg(long)]
    pub(crate) no_stream: bool,

    /// Write JSON, one object a line: each piece of text, then how it ended
    #[arg(long)]
    pub(crate) json: bool,

    /// With --json, print the log-probability of each token and of the N most likely alternatives
    #[arg(
        long,
        value_name = "N",
        requires = "json",
        value_parser = whole_number::count,
        allow_negative_numbers = true
    )]
    pub(crate) logprobs: Option<usize>,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,

    #[command(flatten)]
    pub(crate) length: LengthArgs,
}
