//! Streaming word wrap for a terminal.

use unicode_width::UnicodeWidthStr;

/// Breaks lines between words. Line breaks before the text and white space after it are dropped.
#[derive(Debug)]
pub(crate) struct Wrap {
    columns: usize,
    /// Columns of the current line in use.
    column: usize,
    /// Whether nothing has been returned yet.
    is_first: bool,
    /// Pending line breaks, then blanks, before the next word.
    breaks: usize,
    blanks: usize,
    /// The incomplete last word.
    word: String,
}

impl Wrap {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns: columns.max(1),
            column: 0,
            is_first: true,
            breaks: 0,
            blanks: 0,
            word: String::new(),
        }
    }

    /// Takes a piece of the text and returns the words that are complete.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => {
                    self.end_word(&mut out);
                    self.breaks += 1;
                    self.blanks = 0;
                }
                ' ' | '\t' => {
                    self.end_word(&mut out);
                    self.blanks += 1;
                }
                // The model's output must not control the terminal.
                c if c.is_control() => self.word.push(char::REPLACEMENT_CHARACTER),
                c => self.word.push(c),
            }
            if self.word.width() >= self.columns {
                self.end_word(&mut out);
            }
        }
        out
    }

    /// Returns the last word, and a line break if there was any text.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        self.end_word(&mut out);
        if !self.is_first {
            out.push('\n');
        }
        out
    }

    fn end_word(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        if !std::mem::take(&mut self.is_first) && self.breaks > 0 {
            out.extend(std::iter::repeat_n('\n', self.breaks));
            self.column = 0;
        }
        let width = self.word.width();
        if self.column > 0 && self.column + self.blanks + width > self.columns {
            out.push('\n');
            self.column = 0;
        } else {
            out.extend(std::iter::repeat_n(' ', self.blanks));
            self.column += self.blanks;
        }
        out.push_str(&self.word);
        self.column += width;
        (self.breaks, self.blanks) = (0, 0);
        self.word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In pieces of one character.
    fn wrapped(text: &str, columns: usize) -> String {
        let mut wrap = Wrap::new(columns);
        let mut out: String = text.chars().map(|c| wrap.push(&c.to_string())).collect();
        out.push_str(&wrap.finish());
        out
    }

    #[test]
    fn lines_break_between_words() {
        let text = "Wer reitet so spät durch Nacht und Wind?";
        assert_eq!(
            wrapped(text, 12),
            "Wer reitet\nso spät\ndurch Nacht\nund Wind?\n"
        );
        assert_eq!(wrapped(text, 100), format!("{text}\n"));
        // Wide and combining characters.
        assert_eq!(wrapped("ab 🦀🦀 a\u{308}b", 7), "ab 🦀🦀\na\u{308}b\n");
    }

    #[test]
    fn line_breaks_within_the_text_are_kept() {
        assert_eq!(
            wrapped("\n\n  Ach!\n\n  Weh! \n \n", 20),
            "  Ach!\n\n  Weh!\n"
        );
        assert_eq!(wrapped(" \n", 20), "");
    }

    #[test]
    fn words_wider_than_the_line_are_written_in_parts() {
        let mut wrap = Wrap::new(5);
        assert_eq!(wrap.push("abcd"), "");
        assert_eq!(wrap.push("efgh"), "abcde");
        assert_eq!(wrap.finish(), "\nfgh\n");
    }

    #[test]
    fn control_characters_are_replaced() {
        let text = "a\u{1b}[31mb\rc\u{7}d\u{9b}2Je";
        let shown = wrapped(text, 80);
        assert_eq!(shown, "a�[31mb�c�d�2Je\n");
    }
}
