//! Detection of stop strings in streamed text.

/// Searches a stream of text for the first stop string, and buffers text that may be the beginning
/// of one.
///
/// Each string is matched with the algorithm of Knuth, Morris and Pratt (1977), byte by byte.
/// Matches of UTF-8 in UTF-8 begin and end at character boundaries.
#[derive(Clone, Debug)]
pub(crate) struct StopStrings {
    strings: Vec<StopString>,
    /// Whether the text includes the stop string that ended it.
    keep: bool,
    /// Text that has not been returned, because it may be the beginning of a stop string.
    held: String,
}

#[derive(Clone, Debug)]
struct StopString {
    bytes: Vec<u8>,
    /// The failure function: for each match length, the length of the longest shorter match that
    /// ends at the same byte.
    shorter: Vec<usize>,
    /// Length of the current match.
    matched: usize,
}

/// Result of adding a piece of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StopMatch {
    /// Text that can be returned.
    pub(crate) text: String,
    /// Index of the stop string that is complete.
    pub(crate) stop: Option<usize>,
}

impl StopString {
    fn new(string: &str) -> Self {
        let bytes = string.as_bytes().to_vec();
        let mut shorter = vec![0; bytes.len() + 1];
        let mut matched = 0;
        for length in 2..=bytes.len() {
            matched = longer(&bytes, &shorter, matched, bytes[length - 1]);
            shorter[length] = matched;
        }
        Self {
            bytes,
            shorter,
            matched: 0,
        }
    }

    /// Adds a byte, and returns whether it completes the string.
    fn push(&mut self, byte: u8) -> bool {
        self.matched = longer(&self.bytes, &self.shorter, self.matched, byte);
        self.matched == self.bytes.len()
    }
}

/// Length of the match after one more byte.
fn longer(bytes: &[u8], shorter: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && bytes.get(matched) != Some(&byte) {
        matched = shorter[matched];
    }
    matched + usize::from(bytes.get(matched) == Some(&byte))
}

impl StopStrings {
    /// Creates a detector of these strings, none of which may be empty.
    pub(crate) fn new(strings: &[String], keep: bool) -> Self {
        Self {
            keep,
            strings: strings
                .iter()
                .map(|string| StopString::new(string))
                .collect(),
            held: String::new(),
        }
    }

    /// Adds a piece of text, up to the end of the first complete stop string; if several end at the
    /// same byte, the longest counts.
    pub(crate) fn push(&mut self, piece: &str) -> StopMatch {
        self.held.push_str(piece);
        let before = self.held.len() - piece.len();
        for (place, byte) in piece.bytes().enumerate() {
            let mut stop: Option<usize> = None;
            for index in 0..self.strings.len() {
                let complete = self.strings[index].push(byte);
                let length = |index: usize| self.strings[index].bytes.len();
                if complete && stop.is_none_or(|best| length(index) > length(best)) {
                    stop = Some(index);
                }
            }
            if let Some(index) = stop {
                let end = before + place + 1;
                self.held.truncate(end);
                if !self.keep {
                    self.held.truncate(end - self.strings[index].bytes.len());
                }
                return StopMatch {
                    text: std::mem::take(&mut self.held),
                    stop,
                };
            }
        }
        let longest = self.strings.iter().map(|string| string.matched).max();
        let certain = self.held.len() - longest.unwrap_or(0);
        let rest = self.held.split_off(certain);
        StopMatch {
            text: std::mem::replace(&mut self.held, rest),
            stop: None,
        }
    }

    /// Returns the buffered text at the end of a generation.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(strings: &[&str]) -> Vec<String> {
        strings.iter().map(|string| (*string).to_owned()).collect()
    }

    /// The text returned for these pieces, and the stop string that ended it.
    fn run(strings: &[&str], pieces: &[&str]) -> (String, Option<usize>) {
        let mut watch = StopStrings::new(&owned(strings), false);
        let mut text = String::new();
        for piece in pieces {
            let watched = watch.push(piece);
            text.push_str(&watched.text);
            if watched.stop.is_some() {
                return (text, watched.stop);
            }
        }
        (text + &watch.finish(), None)
    }

    /// The reference: searches every prefix of the text.
    fn plain(strings: &[&str], text: &str) -> (String, Option<usize>) {
        for end in 0..=text.len() {
            let Some(head) = text.get(..end) else {
                continue;
            };
            let complete = (0..strings.len()).filter(|index| head.ends_with(strings[*index]));
            // Of equal strings the first counts.
            let longest = complete.rev().max_by_key(|index| strings[*index].len());
            if let Some(index) = longest {
                return (head[..end - strings[index].len()].to_owned(), Some(index));
            }
        }
        (text.to_owned(), None)
    }

    #[test]
    fn however_a_text_is_cut_it_ends_at_the_same_place() {
        let texts = [
            "aababaabb",
            "abäabäbä¶",
            "Ende.\n\nEnde",
            "aaaaaaab",
            "",
            "ab",
        ];
        let strings: [&[&str]; 8] = [
            &["abaa"],
            &["aab", "ab"],
            &["ab", "aab"],
            &["ä¶", "äb"],
            &["\n\n", ".\n\nEn"],
            &["aaab", "aab", "ab"],
            &["nothing of it"],
            &[],
        ];
        for text in texts {
            for strings in strings {
                let expected = plain(strings, text);
                let boundaries: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
                for cuts in 0u32..1 << boundaries.len() {
                    let mut pieces = Vec::new();
                    let mut start = 0;
                    for (bit, end) in boundaries.iter().enumerate() {
                        if cuts >> bit & 1 == 1 {
                            pieces.push(&text[start..*end]);
                            start = *end;
                        }
                    }
                    pieces.push(&text[start..]);
                    assert_eq!(run(strings, &pieces), expected, "{pieces:?} {strings:?}");
                }
            }
        }
    }

    #[test]
    fn only_what_may_become_a_string_is_held_back() {
        let mut watch = StopStrings::new(&owned(&["<ende>", "Punkt"]), false);
        let mut push = |piece: &str| watch.push(piece).text;
        assert_eq!(push("Ein P"), "Ein ");
        assert_eq!(push("unk"), "");
        assert_eq!(push("er <"), "Punker ");
        assert_eq!(push("<e"), "<");
        assert_eq!(watch.finish(), "<e");
    }
}
