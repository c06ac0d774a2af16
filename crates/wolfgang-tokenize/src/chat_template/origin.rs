//! Which parts of a rendered text are text of messages.
//!
//! The template is rendered again with changed contents, and the result is compared with the text:
//!
//! 1. Every character of the contents is replaced by a placeholder. A character of the result that
//!    is no placeholder then is not of a message, whatever the template does with characters.
//! 2. A template that inspects contents can render another text for placeholders. Then the contents
//!    keep their characters and are surrounded by marks. A template that takes contents apart can
//!    lose the marks, so the contents are also rendered with all parts of control tokens doubled:
//!    what the template writes itself must not change.
//! 3. As the second step, with marks only around the parts that could belong to a control token.
//!
//! The first step is exact for every template. The others are not for a template that copies a
//! message character by character, without some characters, and only up to a certain number: it is
//! not distinguished from one that writes these characters itself.

use super::marks::{Marks, Trace, around_possible_tokens};
use std::borrow::Cow;

/// Finds the text of messages in `plain`. `render` renders the template `source` with changed
/// contents. `None` if the origin of a part of the text is open.
pub(crate) fn trace(
    plain: &str,
    source: &str,
    contents: &[Cow<'_, str>],
    tokens: &[&str],
    render: impl Fn(&[Cow<'_, str>], Marks) -> Option<String>,
) -> Option<Trace> {
    let contents = || contents.iter().map(Cow::as_ref);
    let marks = Marks::absent_from([plain, source].into_iter().chain(contents()))?;
    let render = |change: &dyn Fn(&str) -> String, marks| {
        let changed: Vec<_> = contents().map(|content| change(content).into()).collect();
        render(&changed, marks)
    };
    let hidden = || {
        // Whitespace is kept, because templates trim it.
        let is_in_token = |token: &&str| token.contains(char::is_whitespace);
        if tokens.iter().any(is_in_token) {
            return None;
        }
        let hidden = render(&|content| marks.hidden(content), Marks::NONE)?;
        marks.trace_hidden(&hidden, plain)
    };
    let marked = |mark: &dyn Fn(&str) -> String| {
        let marked = render(mark, marks)?;
        let trace = marks.trace(&marked, plain)?;
        let doubled = render(&|content| mark(&doubled(content, tokens)), marks)?;
        let is_same = marks.outside(&marked)? == marks.outside(&doubled)?;
        is_same.then_some(trace)
    };
    hidden()
        .or_else(|| marked(&|content| marks.around(content)))
        .or_else(|| marked(&|content| around_possible_tokens(content, tokens, marks)))
}

/// Doubles the control tokens in `content`, and outside of them every character with which one
/// begins or ends.
fn doubled(content: &str, tokens: &[&str]) -> String {
    let is_end = |c: char| {
        let ends = |token: &&str| token.starts_with(c) || token.ends_with(c);
        tokens.iter().any(ends)
    };
    let mut doubled = String::new();
    let mut rest = content;
    while let Some(c) = rest.chars().next() {
        let found = tokens.iter().filter(|token| rest.starts_with(**token));
        let longest = found.map(|token| token.len()).max();
        let (part, after) = rest.split_at(longest.unwrap_or(c.len_utf8()));
        doubled.push_str(part);
        if longest.is_some() || is_end(c) {
            doubled.push_str(part);
        }
        rest = after;
    }
    doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_their_ends_are_doubled() {
        let tokens = ["<s>", "[INST]"];
        assert_eq!(doubled("a<s>b", &tokens), "a<s><s>b");
        assert_eq!(doubled("a<b> [x", &tokens), "a<<b>> [[x");
        assert_eq!(doubled("Größe", &tokens), "Größe");
    }
}
