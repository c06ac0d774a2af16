//! The languages of the views.

use crate::ExplainError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The language of a view. Default: English.
///
/// The names, with `serde`, [`Display`](fmt::Display) and [`FromStr`], are `de` and `en`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// German.
    De,
    /// English.
    #[default]
    En,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// Returns the name, a language tag as in the HTML attribute `lang`: `de` or `en`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = ExplainError;

    fn from_str(name: &str) -> Result<Self, ExplainError> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or_else(|| ExplainError::UnknownLanguage {
                found: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_json() {
        for language in Language::ALL {
            assert_eq!(language.to_string().parse::<Language>().unwrap(), language);
            let json = serde_json::to_string(&language).unwrap();
            assert_eq!(json, format!("\"{language}\""));
            assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), language);
        }
        let error = "fr".parse::<Language>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the language is \"fr\", but it must be de or en"
        );
    }
}
