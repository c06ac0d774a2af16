//! How the command speaks to whoever runs it: in which language, how much, with which colours.

use crate::{environment, german, report};
use clap::ValueEnum;
use serde::Deserialize;
use std::io::IsTerminal;
use wolfgang_explain::Language;
use wolfgang_generate::Phase;

/// Passed to whatever has something to say besides its results.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Voice {
    pub(crate) language: Language,
    pub(crate) volume: Volume,
    pub(crate) color: Color,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Volume {
    /// Errors only.
    Quiet,
    #[default]
    Normal,
    /// What may be of interest, too.
    Verbose,
}

/// When there are colours.
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
    /// Whether what goes to this stream has colours.
    pub(crate) fn on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => !environment::is_set("NO_COLOR") && stream.is_terminal(),
        }
    }
}

impl Voice {
    /// What is said in this voice's language.
    pub(crate) fn pick<T>(self, german: T, english: T) -> T {
        match self.language {
            Language::De => german,
            _ => english,
        }
    }

    /// A phrase of the libraries in this voice's language.
    pub(crate) fn phrase(self, english: &str) -> &str {
        self.pick(german::phrase(english), english)
    }

    /// What is being done, in this voice's language.
    pub(crate) fn phase(self, phase: &Phase) -> String {
        let german = self.pick(german::phase(phase), None);
        german.unwrap_or_else(|| phase.to_string())
    }

    /// Something the user should know although the command goes on.
    pub(crate) fn warning(self, message: &str) {
        if self.volume > Volume::Quiet {
            let name = self.pick("Warnung", "warning");
            report::say(&format!("{name}: {}", report::one_line(message)));
        }
    }

    /// Something of interest.
    pub(crate) fn note(self, message: &str) {
        if self.volume > Volume::Quiet {
            report::say(message);
        }
    }

    /// Whether progress is shown, and closing lines.
    pub(crate) fn shows_progress(self) -> bool {
        self.volume > Volume::Quiet && std::io::stderr().is_terminal()
    }
}
