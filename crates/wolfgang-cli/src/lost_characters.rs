//! The characters of a text for which a vocabulary has no token.

use std::collections::HashSet;
use std::fmt::{Display, Formatter};
use wolfgang_generate::{GenerateError, Tokenizer};

/// Characters that encoding drops, for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LostCharacters {
    /// The first few, each once, separated by spaces.
    pub(crate) shown: String,
    /// Number of further distinct characters.
    pub(crate) more: usize,
}

/// The characters of `text` that the vocabulary lacks; `None` if it lacks none.
pub(crate) fn of(
    text: &str,
    tokenizer: &Tokenizer,
) -> Result<Option<LostCharacters>, GenerateError> {
    let missing = tokenizer.unencodable_offsets(text)?;
    let characters = missing.iter().map(|&byte| at(text, byte));
    Ok((!missing.is_empty()).then(|| LostCharacters::new(characters)))
}

/// The character that contains the byte at offset `at`.
pub(crate) fn at(text: &str, at: usize) -> &str {
    let start = text.floor_char_boundary(at);
    let len = text[start..].chars().next().map_or(0, char::len_utf8);
    &text[start..start + len]
}

impl LostCharacters {
    pub(crate) fn new<'a>(characters: impl Iterator<Item = &'a str>) -> Self {
        const SHOWN: usize = 8;
        let mut seen = HashSet::new();
        let distinct: Vec<_> = characters
            .filter(|character| seen.insert(*character))
            .collect();
        let shown = distinct.iter().take(SHOWN).map(|one| visible(one));
        Self {
            shown: shown.collect::<Vec<_>>().join(" "),
            more: distinct.len().saturating_sub(SHOWN),
        }
    }
}

impl Display for LostCharacters {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)?;
        match self.more {
            0 => Ok(()),
            n => write!(f, " and {n} more"),
        }
    }
}

/// The character, or its code point if it is not visible by itself.
fn visible(character: &str) -> String {
    // `escape_debug` escapes control characters, spaces and combining characters.
    let is_visible = |c: char| {
        let is_escaped = c.escape_debug().count() > 1 && !matches!(c, '"' | '\'' | '\\');
        !is_escaped && c != ' '
    };
    let shown = |c: char| match is_visible(c) {
        true => c.to_string(),
        false => format!("U+{:04X}", u32::from(c)),
    };
    character.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_named_by_code_point() {
        for (character, expected) in [
            ("\0", "U+0000"),
            ("\n", "U+000A"),
            (" ", "U+0020"),
            ("\u{a0}", "U+00A0"),
            ("\u{ad}", "U+00AD"),
            ("\u{301}", "U+0301"),
            ("\u{200d}", "U+200D"),
            ("\u{feff}", "U+FEFF"),
            ("\u{e0001}", "U+E0001"),
            ("é", "é"),
            ("\"", "\""),
            ("\\", "\\"),
            ("🦉", "🦉"),
        ] {
            assert_eq!(visible(character), expected, "{character:?}");
        }
    }

    #[test]
    fn each_character_is_listed_once_and_the_rest_are_counted() {
        let listed =
            |characters: &[&str]| LostCharacters::new(characters.iter().copied()).to_string();
        assert_eq!(listed(&["€", "€", "\n"]), "€ U+000A");
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "a"];
        assert_eq!(listed(&many), "a b c d e f g h and 2 more");
    }
}
