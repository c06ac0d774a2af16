//! The language that the command speaks to people.

use clap::ValueEnum;
use serde::Deserialize;

/// English for programs, and for people whatever they read.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// German
    De,
    /// English
    #[default]
    En,
}

impl Language {
    /// What is said in this language.
    pub(crate) fn pick<T>(self, german: T, english: T) -> T {
        match self {
            Self::De => german,
            Self::En => english,
        }
    }

    /// That of a locale's name, `de_AT.UTF-8` say.
    pub(crate) fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '.', '@']).next() {
            Some("de") => Self::De,
            _ => Self::En,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_begins_with_its_language() {
        for german in ["de", "de_AT", "de_DE.UTF-8", "de.UTF-8", "de@euro"] {
            assert_eq!(Language::of_locale(german), Language::De, "{german}");
        }
        for other in ["", "C", "en_US.UTF-8", "den_CA", "POSIX"] {
            assert_eq!(Language::of_locale(other), Language::En, "{other}");
        }
    }
}
