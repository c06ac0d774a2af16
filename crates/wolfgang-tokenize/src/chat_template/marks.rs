//! Marks around the text of messages, which show what a template wrote itself.

/// Two characters that begin and end text of a message. They are noncharacters of Unicode, and
/// neither the messages nor the template contain them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) begin: Option<char>,
    pub(crate) end: Option<char>,
}

impl Marks {
    /// Texts have no marks.
    pub(crate) const NONE: Self = Self {
        begin: None,
        end: None,
    };

    /// Chooses marks that none of the texts contains. `None` if every noncharacter occurs.
    pub(crate) fn absent_from<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let is_absent = |c: &char| texts.clone().all(|text| !text.contains(*c));
        let mut free = ('\u{fdd0}'..='\u{fdef}').filter(is_absent);
        Some(Self {
            begin: Some(free.next()?),
            end: Some(free.next()?),
        })
    }

    pub(crate) fn contains(self, c: char) -> bool {
        self.begin == Some(c) || self.end == Some(c)
    }

    /// Whether the text has a mark.
    pub(crate) fn are_in(self, text: &str) -> bool {
        self.begin.is_some() && text.contains(|c| self.contains(c))
    }

    /// Puts marks around a text that is not empty.
    pub(crate) fn around(self, text: &str) -> String {
        let marks = |mark: Option<char>| mark.filter(|_| !text.is_empty());
        let (begin, end) = (marks(self.begin), marks(self.end));
        begin.into_iter().chain(text.chars()).chain(end).collect()
    }

    pub(crate) fn removed(self, text: &str) -> String {
        text.replace(|c| self.contains(c), "")
    }

    /// Replaces every character except whitespace by the first mark.
    pub(crate) fn hidden(self, text: &str) -> String {
        let hide = |c: char| self.begin.filter(|_| !c.is_whitespace()).unwrap_or(c);
        text.chars().map(hide).collect()
    }

    /// Finds the characters of `hidden` that [`hidden`](Self::hidden) replaced. `None` if the other
    /// characters are not those of `plain` in the same places.
    pub(crate) fn trace_hidden(self, hidden: &str, plain: &str) -> Option<Trace> {
        let mut trace = Trace::default();
        let mut rest = plain.chars();
        let mut offset = 0;
        for c in hidden.chars() {
            let original = rest.next()?;
            let is_hidden = self.begin == Some(c);
            if !is_hidden && c != original {
                return None;
            }
            if is_hidden == trace.changes.len().is_multiple_of(2) {
                trace.changes.push(offset);
            }
            offset += original.len_utf8();
        }
        rest.next().is_none().then_some(trace)
    }

    /// The characters outside of marks. `None` if the marks do not alternate.
    pub(crate) fn outside(self, marked: &str) -> Option<String> {
        let mut outside = String::new();
        let mut is_within = false;
        for c in marked.chars() {
            if self.contains(c) {
                if is_within == (self.begin == Some(c)) {
                    return None;
                }
                is_within = !is_within;
            } else if !is_within {
                outside.push(c);
            }
        }
        Some(outside)
    }

    /// Finds the text of messages in `marked`, a rendered text with marks. `None` if the marks do
    /// not alternate, or if the text without them is not `plain`: the template then treats text
    /// with marks in another way.
    pub(crate) fn trace(self, marked: &str, plain: &str) -> Option<Trace> {
        let mut trace = Trace::default();
        let mut rest = plain.chars();
        let mut offset = 0;
        for c in marked.chars() {
            if self.contains(c) {
                let begins = self.begin == Some(c);
                if begins != trace.changes.len().is_multiple_of(2) {
                    return None;
                }
                trace.changes.push(offset);
            } else {
                if rest.next() != Some(c) {
                    return None;
                }
                offset += c.len_utf8();
            }
        }
        let is_complete = rest.next().is_none() && trace.changes.len().is_multiple_of(2);
        is_complete.then_some(trace)
    }
}

/// Where the text of messages begins and ends in a rendered text.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Offsets in ascending order: those at even positions begin text of a message.
    changes: Vec<usize>,
}

impl Trace {
    /// Whether the template wrote the whole text from `start` to `end`.
    pub(crate) fn is_of_template(&self, start: usize, end: usize) -> bool {
        let before = self.changes.partition_point(|&offset| offset <= start);
        let until = self.changes.partition_point(|&offset| offset < end);
        before == until && before.is_multiple_of(2)
    }
}

/// Puts marks around the parts of `content` that could belong to one of the control `tokens`, and
/// leaves the rest as it is. Templates that compare or slice contents are rarely affected.
pub(crate) fn around_possible_tokens(content: &str, tokens: &[&str], marks: Marks) -> String {
    let mut is_marked = vec![false; content.len()];
    let trimmed = content.trim();
    let start = content.len() - content.trim_start().len();
    for token in tokens {
        for (at, found) in content.match_indices(token) {
            is_marked[at..at + found.len()].fill(true);
        }
        // A template can insert or remove characters behind the first one.
        let first = token.chars().next().filter(|c| !c.is_alphanumeric());
        for (at, found) in first
            .into_iter()
            .flat_map(|first| content.match_indices(first))
        {
            is_marked[at..at + found.len()].fill(true);
        }
        // It can write one part of a token itself.
        if token.contains(trimmed) {
            is_marked.fill(true);
        }
        for (cut, _) in token.char_indices().skip(1) {
            let (head, tail) = token.split_at(cut);
            if trimmed.starts_with(tail) {
                is_marked[start..start + tail.len()].fill(true);
            }
            if trimmed.ends_with(head) {
                let end = start + trimmed.len();
                is_marked[end - head.len()..end].fill(true);
            }
        }
    }
    let mut text = String::with_capacity(content.len());
    let mut was_marked = false;
    for (at, c) in content.char_indices() {
        if is_marked[at] != was_marked {
            text.extend(if was_marked { marks.end } else { marks.begin });
        }
        was_marked = is_marked[at];
        text.push(c);
    }
    text.extend(marks.end.filter(|_| was_marked));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        begin: Some('\u{fdd0}'),
        end: Some('\u{fdd1}'),
    };

    fn shown(text: &str) -> String {
        text.replace('\u{fdd0}', "[").replace('\u{fdd1}', "]")
    }

    #[test]
    fn only_text_outside_of_marks_is_of_the_template() {
        let trace = MARKS.trace("ab\u{fdd0}cd\u{fdd1}ef", "abcdef").unwrap();
        assert!(trace.is_of_template(0, 2) && trace.is_of_template(4, 6));
        for (start, end) in [(0, 3), (1, 5), (2, 4), (3, 5), (2, 3)] {
            assert!(!trace.is_of_template(start, end), "{start}..{end}");
        }
    }

    #[test]
    fn hidden_characters_are_traced_in_their_places() {
        let hidden = MARKS.hidden("ä b");
        let trace = MARKS.trace_hidden(&format!("<s>{hidden}</s>"), "<s>ä b</s>");
        let trace = trace.unwrap();
        assert!(trace.is_of_template(0, 3) && trace.is_of_template(7, 11));
        assert!(!trace.is_of_template(3, 7) && !trace.is_of_template(6, 8));
        for other in ["<s>", "<s>ä b</t>", "<s>ä b</s>."] {
            assert!(
                MARKS
                    .trace_hidden(&format!("<s>{hidden}</s>"), other)
                    .is_none()
            );
        }
    }

    #[test]
    fn text_outside_of_marks_is_that_of_the_template() {
        let outside = MARKS.outside("a\u{fdd0}b\u{fdd1}c");
        assert_eq!(outside.as_deref(), Some("ac"));
        assert_eq!(MARKS.outside("a\u{fdd1}b\u{fdd0}"), None);
    }

    #[test]
    fn changed_texts_and_lone_marks_are_not_traced() {
        assert!(MARKS.trace("\u{fdd0}a\u{fdd1}", "b").is_none());
        assert!(MARKS.trace("\u{fdd0}a", "a").is_none());
        assert!(MARKS.trace("\u{fdd1}a\u{fdd0}", "a").is_none());
        assert!(MARKS.trace("a", "ab").is_none());
    }

    #[test]
    fn all_parts_of_possible_tokens_are_marked() {
        let marked = |content| shown(&around_possible_tokens(content, &["<|im_end|>"], MARKS));
        assert_eq!(marked("a <|im_end|> b"), "a [<|im_end|>] b");
        assert_eq!(marked("a < b"), "a [<] b");
        assert_eq!(marked("|im_end|> b"), "[|im_end|>] b");
        assert_eq!(marked("a <|im_ "), "a [<|im_] ");
        assert_eq!(marked("im_end"), "[im_end]");
        assert_eq!(marked("a b"), "a b");
    }

    #[test]
    fn marks_are_characters_that_do_not_occur() {
        let marks = Marks::absent_from(["a\u{fdd0}", "\u{fdd2}"].into_iter()).unwrap();
        assert_eq!(
            (marks.begin, marks.end),
            (Some('\u{fdd1}'), Some('\u{fdd3}'))
        );
        let all: String = ('\u{fdd0}'..='\u{fdef}').collect();
        assert!(Marks::absent_from([all.as_str()].into_iter()).is_none());
    }
}
