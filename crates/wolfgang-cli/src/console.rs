//! Messages on standard error: verbosity, colours, language.

use crate::environment;
use clap::ValueEnum;
use serde::Deserialize;
use std::io::{IsTerminal, Write};
use wolfgang_explain::Language;

/// How messages are printed. Every command gets one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Console {
    /// Language of `chat` and of the views of `explain`; all other messages are in English.
    pub(crate) language: Language,
    pub(crate) verbosity: Verbosity,
    pub(crate) color: Color,
}

/// Which messages are printed to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    #[default]
    Normal,
    /// Details as well.
    Verbose,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always, including files and pipes
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether output to this stream is coloured.
    pub(crate) fn on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !environment::is_set("NO_COLOR") && stream.is_terminal(),
        }
    }
}

impl Console {
    /// Prints a problem that does not end the command.
    pub(crate) fn warn(self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            write_line(&format!("warning: {}", one_line(message)));
        }
    }

    /// Prints a notice.
    pub(crate) fn info(self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            write_line(&one_line(message));
        }
    }

    /// Whether progress is shown.
    pub(crate) fn shows_progress(self) -> bool {
        self.verbosity > Verbosity::Quiet && std::io::stderr().is_terminal()
    }
}

/// Writes a line to standard error.
pub(crate) fn write_line(line: &str) {
    // There is no other stream to report a failure of this one to.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The message without control characters and with at most 1000 characters: names in messages may
/// come from files, and must neither control the terminal nor fill it.
pub(crate) fn one_line(message: &str) -> String {
    const MAX_CHARS: usize = 1000;
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().take(MAX_CHARS).map(printable).collect()
}
