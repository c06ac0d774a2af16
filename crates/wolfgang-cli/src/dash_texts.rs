//! Arguments that begin with a dash but are texts, such as a line of a list.
//!
//! An argument that cannot be an option is the value of the option before it, or the prompt. An
//! argument that may be a mistyped option is left to the parser, whose error gets a tip.

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};

/// Reorders the arguments so that the parser accepts such texts: joined to their option by `=`, or
/// after `--`.
pub(crate) fn arrange(command: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let is_text = |word: &&OsString| word.to_str().is_some_and(is_text);
    let options_end = words.iter().position(|word| word == "--");
    let (options, rest) = words.split_at(options_end.unwrap_or(words.len()));
    if options.iter().find(is_text).is_none() {
        return words;
    }
    let named = options
        .iter()
        .skip(1)
        .find_map(|word| command.find_subcommand(word));
    let scope = [Some(command), named];
    let (mut arranged, mut texts) = (Vec::<OsString>::new(), Vec::new());
    for word in options {
        let before = arranged.last().and_then(|word| word.to_str());
        let option = before.and_then(|before| option_with_value(&scope, before));
        match (is_text(&word), option) {
            (true, Some(Value::Text)) => join(&mut arranged, word),
            (true, None) => texts.push(word.clone()),
            (false, _) | (true, Some(Value::MayBeNegative)) => arranged.push(word.clone()),
        }
    }
    if options_end.is_none() && !texts.is_empty() {
        arranged.push("--".into());
    }
    // The texts go directly after `--`, before the arguments that are already there.
    let (separator, rest) = rest.split_at(rest.len().min(1));
    arranged.extend_from_slice(separator);
    arranged.extend(texts);
    arranged.extend_from_slice(rest);
    arranged
}

/// Adds a tip to the error of an unknown option that may be meant as a text.
pub(crate) fn with_tip(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::UnknownArgument => {
            argument.clone()
        }
        _ => return error,
    };
    let options_end = words.iter().position(|word| word == "--");
    let is_after_options_end =
        options_end.is_some_and(|end| words[end..].contains(&OsString::from(&unknown)));
    let is_short = unknown.starts_with('-') && !unknown.starts_with("--");
    // A value with white space is unlikely for a mistyped option.
    let joined = format!("{unknown}=");
    let text = words.iter().filter_map(|word| word.to_str()).find(|word| {
        let value = word.strip_prefix(&joined);
        value.is_some_and(|value| value.contains(char::is_whitespace))
    });
    let tip = if is_after_options_end && unknown.starts_with('-') {
        "options go before `--`; everything after it is text".to_owned()
    } else if let Some(text) = text {
        format!(
            "a text that begins with a dash goes last, after `--`: wolfgang generate -- \"{text}\""
        )
    } else if is_short {
        "a text that begins with a dash goes last, after `--`: wolfgang generate --seed 1 -- -TEXT"
            .to_owned()
    } else if unknown == "--greedy" {
        "--preset greedy, or --temperature 0, always takes the most likely token".to_owned()
    } else {
        return error;
    };
    // The parser's own suggestion of a similar option would contradict the tip.
    if error.remove(ContextKind::SuggestedArg).is_some() {
        error.remove(ContextKind::Usage);
    }
    let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
    error.insert(ContextKind::Suggested, tip);
    error
}

/// Whether this cannot be an option: no letter follows the dashes, or its name contains white
/// space.
fn is_text(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    let dashes = word.len() - name.len();
    // `-` is standard input, and `--` ends the options.
    if dashes == 0 || (name.is_empty() && dashes < 3) {
        return false;
    }
    let name = name.split('=').next().unwrap_or(name);
    !name.starts_with(char::is_alphabetic) || dashes > 2 || name.contains(char::is_whitespace)
}

/// The kind of value that an option takes.
#[derive(Clone, Copy)]
enum Value {
    Text,
    /// A number, which may be negative.
    MayBeNegative,
}

fn option_with_value(scope: &[Option<&Command>], word: &str) -> Option<Value> {
    let (is_long, name) = match word.strip_prefix("--") {
        Some(name) => (true, name),
        None => (false, word.strip_prefix('-')?),
    };
    let mut options = scope
        .iter()
        .flatten()
        .flat_map(|command| command.get_opts());
    let option = options.find(|option| match is_long {
        true => option.get_long() == Some(name),
        false => option
            .get_short()
            .is_some_and(|short| name == short.to_string()),
    })?;
    let takes_value = option.get_action().takes_values();
    takes_value.then_some(match option.is_allow_negative_numbers_set() {
        true => Value::MayBeNegative,
        false => Value::Text,
    })
}

fn join(words: &mut [OsString], value: &OsStr) {
    if let Some(option) = words.last_mut() {
        option.push("=");
        option.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    fn arranged(words: &[&str]) -> Vec<String> {
        let words = [&["wolfgang"], words].concat();
        let words = words.into_iter().map(OsString::from).collect();
        let arranged = arrange(&Cli::command(), words);
        let arranged = arranged.into_iter().skip(1);
        arranged.map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn texts_that_cannot_be_options_go_after_the_options() {
        for text in [
            "- Faust",
            "-- Faust",
            "---",
            "-5",
            "-Wer reitet",
            "-, nein",
            "-hallo du",
            "–x-y",
        ] {
            let before = arranged(&["generate", text, "--seed", "-1"]);
            let expected: &[&str] = match text.starts_with('-') {
                true => &["generate", "--seed", "-1", "--", text],
                false => &["generate", text, "--seed", "-1"],
            };
            assert_eq!(before, expected, "{text}");
        }
        assert_eq!(
            arranged(&["generate", "- a", "--json", "--", "b"]),
            ["generate", "--json", "--", "- a", "b"]
        );
    }

    #[test]
    fn texts_after_an_option_become_its_value() {
        let cases: [(&[&str], &[&str]); 3] = [
            (
                &["generate", "--stop", "- Ende", "a"],
                &["generate", "--stop=- Ende", "a"],
            ),
            (&["chat", "--system", "- du"], &["chat", "--system=- du"]),
            (&["generate", "-n", "-1"], &["generate", "-n", "-1"]),
        ];
        for (words, expected) in cases {
            assert_eq!(arranged(words), expected);
        }
    }

    #[test]
    fn possible_options_stay_in_place() {
        for words in [
            &["generate", "-", "--seed", "-1"][..],
            &["generate", "--sed", "1", "-Wer", "--stop=a b"],
            &["generate", "--", "- Faust"],
            &["--lang", "de", "score", "-x"],
        ] {
            assert_eq!(arranged(words), words);
        }
    }
}
