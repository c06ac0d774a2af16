//! Options for the length of a text.

use crate::error::UsageError;
use crate::merge::options;
use crate::sampling_args::SamplingArgs;
use crate::token_names::token_ids;
use crate::whole_number::{self, WholeNumber};
use clap::ValueEnum;
use serde::Deserialize;
use std::time::Duration;
use wolfgang_generate::{ContextOverflow, GenerateOptions, SamplingParams, Tokenizer};

options! {
    #[command(next_help_heading = "Length")]
    pub(crate) struct LengthArgs {
        /// Maximum number of new tokens; -1 generates until the context is full [default: 100, in a
        /// chat 200]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) max_new_tokens: Option<WholeNumber>,

        /// Minimum number of new tokens before the model may end the text [default: 0]
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) min_new_tokens: Option<usize>,

        /// Stop after SECONDS of generation
        #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
        pub(crate) max_time: Option<f64>,

        /// Stop before this text; may be repeated
        #[arg(long, value_name = "TEXT")]
        pub(crate) stop: Vec<String>,

        /// Print the stop text as well
        #[arg(long)]
        pub(crate) keep_stop: bool,

        /// Stop at this token, given as its id or its text; may be repeated
        #[arg(long = "stop-token", value_name = "ID|TOKEN")]
        pub(crate) stop_token: Vec<String>,

        /// Continue after <|endoftext|> and the other end tokens of the model
        #[arg(long)]
        pub(crate) ignore_eos: bool,

        /// What to do when the context is full [default: slide, in a chat stop]
        #[arg(long, value_enum)]
        pub(crate) overflow: Option<OnContextFull>,
    }
}

/// [`ContextOverflow`] on the command line.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnContextFull {
    /// Sliding window: recompute the last tokens that fit for each further token, which is slow
    Slide,
    /// Keep the last half of the context, recompute it once and continue, which is fast
    Shift,
    /// Stop generating
    Stop,
}

impl From<OnContextFull> for ContextOverflow {
    fn from(on_full: OnContextFull) -> Self {
        match on_full {
            OnContextFull::Slide => Self::SlidingWindow,
            OnContextFull::Shift => Self::Shift,
            OnContextFull::Stop => Self::Stop,
        }
    }
}

impl LengthArgs {
    /// The options of a generation. `recommended` are the sampling parameters of the model, for the
    /// preset that takes them; `max_new_tokens` is the default of the command.
    pub(crate) fn options(
        &self,
        sampling: &SamplingArgs,
        recommended: Option<&SamplingParams>,
        tokenizer: &Tokenizer,
        max_new_tokens: usize,
    ) -> Result<GenerateOptions, UsageError> {
        let min_new_tokens = self.min_new_tokens.unwrap_or(0);
        let limit = self.max_new_tokens;
        let context_overflow = match (self.overflow, limit) {
            (Some(overflow), _) => overflow.into(),
            // Without a limit, a sliding window would never end.
            (None, Some(WholeNumber::MinusOne)) => ContextOverflow::Stop,
            (None, _) => ContextOverflow::default(),
        };
        Ok(GenerateOptions::default()
            .with_max_new_tokens(limit.map_or(max_new_tokens, WholeNumber::tokens))
            .with_sampling(sampling.params_for(recommended, tokenizer, min_new_tokens)?)
            .with_stop_tokens(token_ids("--stop-token", &self.stop_token, tokenizer)?)
            .with_stop_strings(self.stop.clone())
            .with_keep_stop_string(self.keep_stop)
            .with_max_time(self.max_time()?)
            .with_ignore_eos(self.ignore_eos)
            .with_seed(sampling.seed())
            .with_context_overflow(context_overflow))
    }

    fn max_time(&self) -> Result<Option<Duration>, UsageError> {
        let duration = |seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| {
                UsageError(format!(
                    "--max-time is {seconds}, but it must be a non-negative number of seconds"
                ))
            })
        };
        self.max_time.map(duration).transpose()
    }

    /// Checks what can be checked before the model is loaded.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        self.max_time().map(|_| ())
    }
}
