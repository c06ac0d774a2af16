//! Methods of Python's strings that ignore marks and keep them around the text of messages.

use super::marks::Marks;
use minijinja::value::{Value, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;
use std::collections::HashSet;

/// Calls a method of a string, list or dictionary.
pub(super) fn call(
    marks: Marks,
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let Some(text) = value.as_str() else {
        return pycompat::unknown_method_callback(state, value, method, args);
    };
    match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            Ok(Value::from(match method {
                "lstrip" => strip_start(marks, text, chars),
                "rstrip" => strip_end(marks, text, chars),
                _ => strip(marks, text, chars),
            }))
        }
        "split" => {
            let (separator, limit): (Option<&str>, Option<i64>) = from_args(args)?;
            split(marks, text, separator, limit)
        }
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(args)?;
            let mut pieces = lines(text, keep_ends.unwrap_or(false));
            // The mark that ends the text is not a line.
            pieces.pop_if(|last| last.chars().all(|c| marks.contains(c)) && !last.is_empty());
            Ok(marked_pieces(marks, text, pieces))
        }
        "startswith" | "endswith" if marks.are_in(text) => {
            let text = Value::from(marks.removed(text));
            pycompat::unknown_method_callback(state, &text, method, args)
        }
        _ => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// Removes `chars` or whitespace at both ends.
pub(super) fn strip(marks: Marks, text: &str, chars: Option<&str>) -> String {
    strip_end(marks, &strip_start(marks, text, chars), chars)
}

fn strip_start(marks: Marks, text: &str, chars: Option<&str>) -> String {
    let is_stripped = stripped(chars);
    let rest = text.trim_start_matches(|c| marks.contains(c) || is_stripped(c));
    with_marks(marks, text, rest)
}

fn strip_end(marks: Marks, text: &str, chars: Option<&str>) -> String {
    let is_stripped = stripped(chars);
    let rest = text.trim_end_matches(|c| marks.contains(c) || is_stripped(c));
    with_marks(marks, text, rest)
}

/// Whether a character is one of `chars`, or whitespace.
fn stripped(chars: Option<&str>) -> impl Fn(char) -> bool {
    let chars: Option<HashSet<char>> = chars.map(|chars| chars.chars().collect());
    move |c| match &chars {
        Some(chars) => chars.contains(&c),
        None => is_whitespace(c),
    }
}

/// Python's whitespace has four characters more than Unicode's.
fn is_whitespace(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// The `part` of a text, with the marks that it lost at its ends.
fn with_marks(marks: Marks, text: &str, part: &str) -> String {
    if part.is_empty() {
        return String::new();
    }
    let begin = marks
        .begin
        .filter(|_| begins_within(marks, text) && !begins_within(marks, part));
    let end = marks
        .end
        .filter(|_| ends_within(marks, text) && !ends_within(marks, part));
    begin.into_iter().chain(part.chars()).chain(end).collect()
}

/// Whether the first mark begins text of a message.
fn begins_within(marks: Marks, text: &str) -> bool {
    let first = text.chars().find(|&c| marks.contains(c));
    first.is_some() && first == marks.begin
}

/// Whether the last mark ends text of a message.
fn ends_within(marks: Marks, text: &str) -> bool {
    let last = text.chars().rfind(|&c| marks.contains(c));
    last.is_some() && last == marks.end
}

fn split(
    marks: Marks,
    text: &str,
    separator: Option<&str>,
    limit: Option<i64>,
) -> Result<Value, Error> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
    let pieces: Vec<&str> = match separator {
        Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        Some(separator) => text.splitn(limit, separator).collect(),
        None => words(marks, text, limit),
    };
    Ok(marked_pieces(marks, text, pieces))
}

/// The pieces of a text as a list; every piece has the marks of the text.
fn marked_pieces(marks: Marks, text: &str, pieces: Vec<&str>) -> Value {
    let pieces = pieces
        .into_iter()
        .map(|piece| with_marks(marks, text, piece));
    pieces
        .map(|piece| without_empty_marks(marks, piece))
        .collect()
}

/// Splits a text where Python's `splitlines` does.
fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let is_break = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(is_break).unwrap_or(rest.len());
        let after = &rest[at..];
        let length = match after.starts_with("\r\n") {
            true => 2,
            false => after.chars().next().map_or(0, char::len_utf8),
        };
        let end = if keep_ends { at + length } else { at };
        lines.push(&rest[..end]);
        rest = &after[length..];
    }
    lines
}

/// A piece of which only marks remain is empty.
fn without_empty_marks(marks: Marks, piece: String) -> Value {
    match piece.chars().all(|c| marks.contains(c)) {
        true => Value::from(""),
        false => Value::from(piece),
    }
}

/// At most `limit` words; the last one is the rest of the text.
fn words(marks: Marks, text: &str, limit: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let skipped = |c| is_whitespace(c) || marks.contains(c);
    let mut rest = text.trim_start_matches(skipped);
    while !rest.is_empty() {
        let end = rest.find(is_whitespace).filter(|_| words.len() + 1 < limit);
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = after.trim_start_matches(skipped);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        begin: Some('['),
        end: Some(']'),
    };

    #[test]
    fn stripping_ignores_marks_and_keeps_them() {
        assert_eq!(strip(MARKS, "[ a b\n]", None), "[a b]");
        assert_eq!(strip(MARKS, "[ \n]", None), "");
        assert_eq!(strip(MARKS, "x [a] ", None), "x [a]");
        assert_eq!(strip(MARKS, "[\na\n]", Some("\n")), "[a]");
        assert_eq!(strip(Marks::NONE, "\x1c a ", None), "a");
        // A part of a message has no mark that the part before or after it has.
        assert_eq!(strip(MARKS, "[a ", None), "[a");
        assert_eq!(strip(MARKS, " a", None), "a");
    }

    #[test]
    fn lines_are_those_of_pythons_splitlines() {
        assert_eq!(lines("a\n\nb\r\nc\r", false), ["a", "", "b", "c"]);
        assert_eq!(lines("a\u{2028}b\n", true), ["a\u{2028}", "b\n"]);
        assert!(lines("", false).is_empty());
    }

    #[test]
    fn every_piece_of_a_marked_text_is_marked() {
        let split = |text, separator, limit| {
            let pieces = split(MARKS, text, separator, limit).unwrap();
            let pieces = pieces.try_iter().unwrap();
            pieces.map(|piece| piece.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(split("[a</t>b]", Some("</t>"), None), ["[a]", "[b]"]);
        assert_eq!(split("[</t>b]", Some("</t>"), None), ["", "[b]"]);
        assert_eq!(split("[a,b,c]", Some(","), Some(1)), ["[a]", "[b,c]"]);
        assert_eq!(split("[ a  b ]", None, None), ["[a]", "[b]"]);
        assert_eq!(split("a b", None, None), ["a", "b"]);
        assert_eq!(split("a b  c ", None, Some(1)), ["a", "b  c "]);
    }
}
