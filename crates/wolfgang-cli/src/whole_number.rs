//! Integers in options, and -1, which means "none" or "all" as in other programs.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt::Formatter;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// A non-negative integer, or -1, whose meaning depends on the option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WholeNumber {
    Number(u64),
    MinusOne,
}

/// The error of a text that is not a [`WholeNumber`].
#[derive(Debug, thiserror::Error)]
#[error("it must be an integer from 0 to 2^64 - 1, or -1")]
pub(crate) struct WholeNumberError;

impl WholeNumber {
    /// The number as a count of tokens; -1 and larger numbers are `usize::MAX`.
    pub(crate) fn tokens(self) -> usize {
        match self {
            Self::Number(number) => usize::try_from(number).unwrap_or(usize::MAX),
            Self::MinusOne => usize::MAX,
        }
    }

    /// The number, unless it is -1.
    pub(crate) fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::MinusOne => None,
        }
    }
}

/// Parses a non-negative integer argument.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .map_err(|_| "it must be a non-negative integer".to_owned())
}

/// Parses a positive integer argument.
pub(crate) fn positive(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "it must be a positive integer".to_owned())
}

/// Reads a non-negative integer of a configuration file.
pub(crate) fn read_count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let number = i64::deserialize(from)?;
    let count = usize::try_from(number);
    let error = |_| {
        D::Error::custom(format!(
            "{number} is given, but it must be a non-negative integer"
        ))
    };
    count.map(Some).map_err(error)
}

/// Reads a positive integer of a configuration file.
pub(crate) fn read_positive<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<NonZeroUsize>, D::Error> {
    let number = i64::deserialize(from)?;
    let positive = usize::try_from(number).ok().and_then(NonZeroUsize::new);
    let error = || {
        D::Error::custom(format!(
            "{number} is given, but it must be a positive integer"
        ))
    };
    positive.map(Some).ok_or_else(error)
}

impl FromStr for WholeNumber {
    type Err = WholeNumberError;

    fn from_str(text: &str) -> Result<Self, WholeNumberError> {
        match text {
            "-1" => Ok(Self::MinusOne),
            text => text.parse().map(Self::Number).map_err(|_| WholeNumberError),
        }
    }
}

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl Visitor<'_> for Numbers {
            type Value = WholeNumber;

            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("a non-negative integer, or -1")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<WholeNumber, E> {
                match u64::try_from(number) {
                    Ok(number) => Ok(WholeNumber::Number(number)),
                    Err(_) if number == -1 => Ok(WholeNumber::MinusOne),
                    Err(_) => Err(E::custom(format!(
                        "{number} is given, but {WholeNumberError}"
                    ))),
                }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<WholeNumber, E> {
                Ok(WholeNumber::Number(number))
            }
        }

        from.deserialize_any(Numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_minus_one_are_read() {
        let number = |n| Some(WholeNumber::Number(n));
        let cases = [
            ("0", number(0)),
            ("18446744073709551615", number(u64::MAX)),
            ("-1", Some(WholeNumber::MinusOne)),
            ("-2", None),
            ("18446744073709551616", None),
            ("1.5", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<WholeNumber>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn configuration_files_take_the_same_numbers() {
        #[derive(Debug, serde::Deserialize)]
        struct File {
            n: WholeNumber,
        }
        let read = |n: &str| toml::from_str::<File>(&format!("n = {n}")).map(|file| file.n);
        assert_eq!(read("7").unwrap(), WholeNumber::Number(7));
        assert_eq!(read("-1").unwrap(), WholeNumber::MinusOne);
        let largest = read("18446744073709551615").unwrap();
        assert_eq!(largest, WholeNumber::Number(u64::MAX));
        for bad in ["-2", "1.5", "\"7\""] {
            read(bad).unwrap_err();
        }
    }
}
