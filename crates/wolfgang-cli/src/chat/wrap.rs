//! Text for a terminal, word by word.

use unicode_width::UnicodeWidthStr;

/// Breaks lines between words. What stands around the text goes: line breaks before it and white space behind it.
#[derive(Debug)]
pub(crate) struct Wrap {
    columns: usize,
    /// How much of the line is taken.
    column: usize,
    /// Whether nothing has been handed out.
    is_first: bool,
    /// Line breaks, then blanks, that come before the next word.
    breaks: usize,
    blanks: usize,
    /// A word that may go on.
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

    /// The next piece of the text, as much of it as consists of whole words.
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
                // What else controls a terminal, the model has no business with.
                c if c.is_control() => self.word.push(char::REPLACEMENT_CHARACTER),
                c => self.word.push(c),
            }
            if self.word.width() >= self.columns {
                self.end_word(&mut out);
            }
        }
        out
    }

    /// What was held back, and the end of the line, if there was any text.
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
        // Wide, narrow and no characters of their own.
        assert_eq!(wrapped("ab 🦀🦀 a\u{308}b", 7), "ab 🦀🦀\na\u{308}b\n");
    }

    #[test]
    fn the_text_keeps_its_own_lines_and_nothing_around_it() {
        assert_eq!(
            wrapped("\n\n  Ach!\n\n  Weh! \n \n", 20),
            "  Ach!\n\n  Weh!\n"
        );
        assert_eq!(wrapped(" \n", 20), "");
    }

    #[test]
    fn a_word_wider_than_the_line_is_not_waited_for() {
        let mut wrap = Wrap::new(5);
        assert_eq!(wrap.push("abcd"), "");
        assert_eq!(wrap.push("efgh"), "abcde");
        assert_eq!(wrap.finish(), "\nfgh\n");
    }

    #[test]
    fn nothing_controls_the_terminal() {
        let text = "a\u{1b}[31mb\rc\u{7}d\u{9b}2Je";
        let shown = wrapped(text, 80);
        assert_eq!(shown, "a�[31mb�c�d�2Je\n");
    }
}
