//! The command line.

use crate::bench::{BenchArgs, CaseArgs};
use crate::chat_args::ChatArgs;
use crate::completions::{CompletionsArgs, ManArgs};
use crate::config_file::ConfigFile;
use crate::console::{Color, Console, Verbosity};
use crate::convert::ConvertArgs;
use crate::dash_texts;
use crate::devices::DevicesArgs;
use crate::environment;
use crate::explain::ExplainArgs;
use crate::generate_args::GenerateArgs;
use crate::home;
use crate::inspect::InspectArgs;
use crate::language;
use crate::named;
use crate::score::ScoreArgs;
use crate::serve_args::ServeArgs;
use crate::tokenize::TokenizeArgs;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;
use wolfgang_explain::Language;

/// Run small German language models on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "wolfgang",
    version,
    after_help = "Options can also be set in the configuration file, wolfgang/config.toml in your config directory; see docs/command.md."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) globals: Globals,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Continue a text
    ///
    /// The generated text is streamed to standard output; messages go to standard error.
    Generate(Box<GenerateArgs>),
    /// Continue a text and show how each token was sampled
    ///
    /// The output, a page or a text on the terminal, shows the alternatives of each token, the
    /// tokens that each sampling step masked, and the random draw. The text is the same as that of
    /// `generate`.
    Explain(Box<ExplainArgs>),
    /// Chat with a model
    ///
    /// On a terminal, lines can be edited, and there are commands (see /help). Otherwise each line
    /// of standard input is a message, and the replies go to standard output. The default preset is
    /// goethe.
    Chat(Box<ChatArgs>),
    /// Print the log-probability of each token of a text
    ///
    /// Each token is scored given the tokens before it. The last line is the perplexity of the
    /// text.
    Score(ScoreArgs),
    /// Serve a model over HTTP, with the interface of the OpenAI API
    ///
    /// Prints the address when the server accepts connections, and runs until SIGTERM or Ctrl-C.
    /// Sampling and length options are the defaults of requests; without them, the defaults are
    /// those of the OpenAI API. docs/serving.md describes routes and fields.
    Serve(Box<ServeArgs>),
    /// Encode a text as tokens
    ///
    /// Prints the token ids and the piece of text that each represents. Only the tokenizer is
    /// loaded.
    Tokenize(TokenizeArgs),
    /// Convert a checkpoint to a native or a Hugging Face folder
    ///
    /// The conversion is atomic: the target holds either its old contents or the complete new
    /// model.
    Convert(ConvertArgs),
    /// Show the contents of a checkpoint without reading its weights
    ///
    /// The size of the file does not matter.
    Inspect(InspectArgs),
    /// List the available devices, and why others are not available
    ///
    /// Each device is tested with a small computation.
    Devices(DevicesArgs),
    /// Measure the speed of a model and the limits of this machine
    ///
    /// Each configuration runs in its own processes; the memory bandwidth and the peak arithmetic
    /// rate of this machine are measured at the same time. Close other programs; they distort the
    /// result.
    Bench(BenchArgs),
    /// Print the completion script for a shell
    ///
    /// For example: wolfgang completions bash > ~/.local/share/bash-completion/completions/wolfgang
    Completions(CompletionsArgs),
    /// Write the manual pages to a folder
    ///
    /// For example: wolfgang man ~/.local/share/man/man1
    Man(ManArgs),
    #[command(name = wolfgang_bench::CASE_COMMAND, hide = true)]
    BenchCase(CaseArgs),
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Language of the texts of `chat` and `explain` [default: that of the locale on a terminal,
    /// else en]
    #[arg(
        long,
        global = true,
        value_parser = named::language(),
        env = "WOLFGANG_LANG",
        hide_env_values = true
    )]
    lang: Option<Language>,

    /// When to use colours [default: auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    color: Option<Color>,

    /// Print only errors to standard error
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Print more details to standard error
    #[arg(long, short, global = true)]
    verbose: bool,

    /// Configuration file [default: wolfgang/config.toml in your config directory, if it exists]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WOLFGANG_CONFIG",
        hide_env_values = true,
        value_parser = home::path()
    )]
    config: Option<PathBuf>,
}

impl Globals {
    /// The configuration file, and the console that it and the arguments configure.
    pub(crate) fn resolve(&self) -> anyhow::Result<(ConfigFile, Console)> {
        let mut file = ConfigFile::read(self.config.as_deref())?;
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        let console = Console {
            language: self.lang.or(file.lang).unwrap_or_else(locale_language),
            verbosity,
            color: self.color.or(file.color).unwrap_or_default(),
        };
        if let Some(error) = file.ignored.take() {
            let error = anyhow::Error::from(error);
            console.warn(&format!("{error:#}; its options are ignored"));
        }
        Ok((file, console))
    }
}

/// The process's arguments.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let command = without_empty_variables(Cli::command());
    let words = dash_texts::arrange(&command, std::env::args_os().collect());
    let variables = environment_options(&command);
    let matches = command.try_get_matches_from(&words);
    let matches = matches
        .map_err(|error| dash_texts::with_tip(name_variable(error, &variables, &words), &words))?;
    Cli::from_arg_matches(&matches)
}

/// The options that take their value from an environment variable, with the variable's name.
fn environment_options(command: &clap::Command) -> Vec<(String, String)> {
    let own = command.get_arguments().filter_map(|arg| {
        let variable = arg.get_env()?.to_str()?;
        Some((format!("--{}", arg.get_long()?), variable.to_owned()))
    });
    let nested = command.get_subcommands().flat_map(environment_options);
    own.chain(nested).collect()
}

/// An error about the value of a variable names the variable, not the option that was not given.
fn name_variable(
    mut error: clap::Error,
    variables: &[(String, String)],
    words: &[OsString],
) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let option = argument.split(' ').next().unwrap_or(argument);
    let is_given = words.iter().filter_map(|word| word.to_str()).any(|word| {
        let rest = word.strip_prefix(option);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    });
    let variable = variables.iter().find(|(name, _)| name == option);
    if let Some((_, variable)) = variable.filter(|_| !is_given) {
        let variable = format!("the environment variable {variable}");
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// A variable that is set but empty gives no value.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| match arg.get_env().and_then(OsStr::to_str) {
            Some(name) if !environment::is_set(name) => arg.env(Resettable::Reset),
            _ => arg,
        })
        .mut_subcommands(without_empty_variables)
}

/// The language of the locale if standard error is a terminal, else English.
fn locale_language() -> Language {
    let locale = environment::locale().filter(|_| std::io::stderr().is_terminal());
    locale
        .map(|locale| language::of_locale(&locale))
        .unwrap_or_default()
}
