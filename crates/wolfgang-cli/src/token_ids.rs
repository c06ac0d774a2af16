//! Lists of token ids in options.

use std::str::FromStr;

/// Token ids, written as `1,2`, `1, 2`, `1 2`, one per line, or a JSON list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenIds(pub(crate) Vec<u32>);

/// The error of an argument that is not a list of ids.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TokenIdsError {
    #[error("expected token ids separated by commas or blanks, such as 1,2 or [1, 2], found none")]
    Empty,
    #[error("expected token ids separated by commas or blanks, such as 1,2 or [1, 2], found {0:?}")]
    Other(String),
}

impl FromStr for TokenIds {
    type Err = TokenIdsError;

    fn from_str(text: &str) -> Result<Self, TokenIdsError> {
        let text = text.trim();
        let in_brackets = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let text = in_brackets.unwrap_or(text).trim();
        if text.is_empty() {
            return Err(TokenIdsError::Empty);
        }
        let mut ids = Vec::new();
        for between_commas in text.split(',') {
            let mut words = between_commas.split_whitespace().peekable();
            if words.peek().is_none() {
                return Err(TokenIdsError::Other(",".into()));
            }
            for word in words {
                let id = word.parse();
                ids.push(id.map_err(|_| TokenIdsError::Other(word.to_owned()))?);
            }
        }
        Ok(Self(ids))
    }
}

impl TokenIds {
    /// The ids of all occurrences of an option.
    pub(crate) fn joined(lists: &[Self]) -> Vec<u32> {
        lists.iter().flat_map(|Self(ids)| ids).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_blanks_line_breaks_and_brackets() {
        for text in [
            "1,22",
            "1, 22",
            " 1 ,22 ",
            "1 22",
            "1\n22\n",
            "[1, 22]",
            "[1,\n 22]\n",
        ] {
            assert_eq!(text.parse(), Ok(TokenIds(vec![1, 22])), "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        for text in [
            "",
            " ",
            "[]",
            "1,,2",
            "1,",
            "a",
            "1;2",
            "-1",
            "[1,2",
            "4294967296",
        ] {
            text.parse::<TokenIds>().unwrap_err();
        }
    }
}
