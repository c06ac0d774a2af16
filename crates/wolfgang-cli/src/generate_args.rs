//! The arguments of `wolfgang generate`.

use crate::generation_args::GenerationArgs;
use crate::token_ids::TokenIds;
use crate::whole_number;
use clap::Args;
use std::num::NonZeroUsize;

/// Arguments of `wolfgang generate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang generate \"Über allen Gipfeln\"
  wolfgang generate \"Habe nun, ach!\" --preset creative --seed 7 --include-prompt
  wolfgang generate \"Es war einmal\" --model ckpt.pt --tokenizer tokenizer.json --stop \"Ende\"
  echo \"Wer reitet so spät\" | wolfgang generate --samples 3 --json")]
pub(crate) struct GenerateArgs {
    /// Text to continue, or `-` for standard input
    ///
    /// Without it, the text is read from standard input if that is not a terminal; on a terminal, a
    /// new document begins. A final line break of standard input is removed. A text that begins
    /// with a dash goes last, after `--`.
    #[arg(conflicts_with = "prompt_ids")]
    pub(crate) prompt: Option<String>,

    /// Prompt as token ids, separated by commas or blanks, or as a JSON list
    #[arg(long, value_name = "1,2,3")]
    pub(crate) prompt_ids: Option<Vec<TokenIds>>,

    /// Number of texts to generate, as one batch, with the seeds SEED, SEED + 1, ...
    #[arg(
        long,
        short = 'n',
        value_name = "N",
        default_value = "1",
        value_parser = whole_number::positive,
        allow_negative_numbers = true
    )]
    pub(crate) samples: NonZeroUsize,

    /// Print the prompt before the continuation
    #[arg(long)]
    pub(crate) include_prompt: bool,

    /// Print the text when it is complete instead of streaming it
    #[arg(long)]
    pub(crate) no_stream: bool,

    /// Print JSON Lines: one object per piece of text, then a summary
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
    pub(crate) generation: GenerationArgs,
}
