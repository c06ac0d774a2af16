//! How long a text becomes.

use crate::layers::options;
use crate::report::BadParameter;
use crate::sampling_args::{SamplingArgs, token_ids};
use crate::whole_number::{self, WholeNumber};
use clap::ValueEnum;
use serde::Deserialize;
use std::time::Duration;
use wolfgang_generate::{ContextOverflow, GenerateOptions, Tokenizer};

options! {
    #[command(next_help_heading = "Length")]
    pub(crate) struct LengthArgs {
        /// How many tokens to generate at most; -1 is no limit, and ends when the model's context is full. Default 100, in
        /// a chat 200
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) max_new_tokens: Option<WholeNumber>,

        /// How many tokens to generate at least, before the model may end the text
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) min_new_tokens: Option<usize>,

        /// Begin no further token when so many seconds are over
        #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
        pub(crate) max_time: Option<f64>,

        /// End before this text. May be repeated
        #[arg(long, value_name = "TEXT")]
        pub(crate) stop: Vec<String>,

        /// Write the text that ended it, too
        #[arg(long)]
        pub(crate) keep_stop: bool,

        /// End at this token, given by id or by its text. May be repeated
        #[arg(long = "stop-token", value_name = "ID|TOKEN")]
        pub(crate) stop_token: Vec<String>,

        /// Go on behind <|endoftext|> and the other ids that end a text of this model
        #[arg(long)]
        pub(crate) ignore_eos: bool,

        /// What happens when the model's context is full. Default slide, in a chat stop
        #[arg(long, value_enum)]
        pub(crate) overflow: Option<WhenFull>,
    }
}

/// [`ContextOverflow`] by its name on the command line.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WhenFull {
    /// Go on with the last tokens that fit, which is slow
    Slide,
    /// End the text
    Stop,
}

impl From<WhenFull> for ContextOverflow {
    fn from(when_full: WhenFull) -> Self {
        match when_full {
            WhenFull::Slide => Self::SlidingWindow,
            WhenFull::Stop => Self::Stop,
        }
    }
}

impl LengthArgs {
    /// The options of a generation. `max_new_tokens` is the number unless one is given.
    pub(crate) fn options(
        &self,
        sampling: &SamplingArgs,
        tokenizer: &Tokenizer,
        max_new_tokens: usize,
    ) -> Result<GenerateOptions, BadParameter> {
        let min_new_tokens = self.min_new_tokens.unwrap_or(0);
        Ok(GenerateOptions {
            max_new_tokens: self
                .max_new_tokens
                .map_or(max_new_tokens, WholeNumber::tokens),
            sampling: sampling.params_for(tokenizer, min_new_tokens)?,
            stop_tokens: token_ids("--stop-token", &self.stop_token, tokenizer)?,
            stop_strings: self.stop.clone(),
            keep_stop_string: self.keep_stop,
            max_time: self.max_time()?,
            ignore_eos: self.ignore_eos,
            seed: sampling.seed(),
            context_overflow: match (self.overflow, self.max_new_tokens) {
                (Some(overflow), _) => overflow.into(),
                // Without a limit it would go on for ever.
                (None, Some(WholeNumber::MinusOne)) => ContextOverflow::Stop,
                (None, _) => ContextOverflow::default(),
            },
            ..GenerateOptions::default()
        })
    }

    fn max_time(&self) -> Result<Option<Duration>, BadParameter> {
        let duration = |seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| {
                BadParameter(format!(
                    "--max-time is {seconds}, but it must be a non-negative number of seconds"
                ))
            })
        };
        self.max_time.map(duration).transpose()
    }

    /// What can be told before there is a model.
    pub(crate) fn check(&self) -> Result<(), BadParameter> {
        self.max_time().map(|_| ())
    }
}
