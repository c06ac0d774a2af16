//! The characters of a text that a vocabulary has no token for, by name.

use crate::voice::Voice;
use std::collections::HashSet;
use wolfgang_generate::{GenerateError, Tokenizer};

/// The characters of `text` that the vocabulary lacks, as a message lists them; `None` if it lacks none.
pub(crate) fn of(
    text: &str,
    tokenizer: &Tokenizer,
    voice: Voice,
) -> Result<Option<String>, GenerateError> {
    let missing = tokenizer.unencodable_offsets(text)?;
    let characters = missing.iter().map(|&byte| at(text, byte));
    Ok((!missing.is_empty()).then(|| named(characters, voice)))
}

/// The character that the byte at `at` belongs to.
pub(crate) fn at(text: &str, at: usize) -> &str {
    let start = text.floor_char_boundary(at);
    let len = text[start..].chars().next().map_or(0, char::len_utf8);
    &text[start..start + len]
}

/// Characters, each once and the first few only.
pub(crate) fn named<'a>(characters: impl Iterator<Item = &'a str>, voice: Voice) -> String {
    const SHOWN: usize = 8;
    let mut seen = HashSet::new();
    let distinct: Vec<_> = characters
        .filter(|character| seen.insert(*character))
        .collect();
    let shown: Vec<_> = distinct
        .iter()
        .take(SHOWN)
        .map(|one| visible(one))
        .collect();
    let shown = shown.join(" ");
    match distinct.len().saturating_sub(SHOWN) {
        0 => shown,
        n => voice.pick(
            format!("{shown} und {n} weitere"),
            format!("{shown} and {n} more"),
        ),
    }
}

/// A character as it is, or by its code point if it cannot be seen by itself.
fn visible(character: &str) -> String {
    // Rust escapes what it does not print, such as controls and spaces, and what changes the character before it.
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
    fn each_character_is_named_once_and_the_rest_are_counted() {
        let voice = Voice::default();
        assert_eq!(named(["€", "€", "\n"].into_iter(), voice), "€ U+000A");
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "a"];
        assert_eq!(named(many.into_iter(), voice), "a b c d e f g h and 2 more");
    }
}
