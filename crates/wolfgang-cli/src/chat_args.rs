//! The arguments of `wolfgang chat`.

use crate::home;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::sampling_args::SamplingArgs;
use clap::Args;
use std::path::PathBuf;

/// A conversation: on a terminal with line editing and commands, of which /help tells; without one, each line of standard
/// input is a message, and the answers go to standard output. Samples by the preset goethe unless told otherwise.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang chat
  wolfgang chat --system \"Du bist Faust.\" --model ckpt.pt --tokenizer tokenizer.json
  wolfgang chat --load talk.json
  echo \"Wer bist du?\" | wolfgang chat --seed 7")]
pub(crate) struct ChatArgs {
    /// Who the model is to be; an empty text leaves that open. Default "Du bist Johann Wolfgang von Goethe."
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,

    /// Go on with a conversation that /save wrote, or with a list of messages in the form of OpenAI's interface
    #[arg(long, value_name = "FILE", value_parser = home::path())]
    pub(crate) load: Option<PathBuf>,

    /// Neither read nor write the history of what was typed
    #[arg(long)]
    pub(crate) no_history: bool,

    /// Write JSON, one object a line: each piece of an answer, then how it ended
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,

    #[command(flatten)]
    pub(crate) length: LengthArgs,
}
