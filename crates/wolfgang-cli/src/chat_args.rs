//! The arguments of `wolfgang chat`.

use crate::chat_date::ChatDate;
use crate::generation_args::GenerationArgs;
use crate::home;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `wolfgang chat`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang chat
  wolfgang chat --system \"Du bist Faust.\" --model ckpt.pt --tokenizer tokenizer.json
  wolfgang chat --load talk.json
  echo \"Wer bist du?\" | wolfgang chat --seed 7")]
pub(crate) struct ChatArgs {
    /// System prompt; an empty text is none [default: "Du bist Johann Wolfgang von Goethe."]
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,

    /// Load a conversation written by /save, or a list of messages in the format of the OpenAI API
    #[arg(long, value_name = "FILE", value_parser = home::path())]
    pub(crate) load: Option<PathBuf>,

    /// Date in the prompt, if the chat template has one [default: the current date in UTC]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<ChatDate>,

    /// Do not read or write the input history
    #[arg(long)]
    pub(crate) no_history: bool,

    /// Print JSON Lines: one object per piece of a reply, then a summary
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) generation: GenerationArgs,
}
