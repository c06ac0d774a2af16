//! Parsing of input lines into messages and commands.

use crate::error::ChatError;
use crate::home;
use crate::whole_number::WholeNumber;
use std::path::{Path, PathBuf};

/// The commands, for completion.
pub(crate) const NAMES: [&str; 9] = [
    "/help",
    "/load",
    "/quit",
    "/regenerate",
    "/reset",
    "/save",
    "/seed",
    "/stats",
    "/system",
];

/// A message or a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChatCommand {
    Send(String),
    Help,
    Reset,
    /// Without a text, shows the system prompt.
    System(Option<String>),
    /// Without a number, each reply gets a new seed.
    Seed(Option<u64>),
    Save(PathBuf),
    Load(PathBuf),
    Regenerate,
    Stats,
    Quit,
}

impl ChatCommand {
    pub(crate) fn parse(line: &str) -> Result<Self, ChatError> {
        let command = match line.strip_prefix('/') {
            None => return Ok(Self::Send(line.to_owned())),
            // A message that begins with a slash.
            Some(rest) if rest.starts_with('/') => return Ok(Self::Send(rest.to_owned())),
            Some(command) => command,
        };
        let (name, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
        let file = || {
            let file = rest.map(|rest| home::expand(Path::new(rest)));
            file.ok_or_else(|| ChatError::MissingFileName(name.to_owned()))
        };
        let alone = |command| match rest {
            None => Ok(command),
            Some(rest) => Err(ChatError::UnexpectedArgument {
                name: name.to_owned(),
                argument: rest.to_owned(),
            }),
        };
        match name {
            "system" => Ok(Self::System(rest.map(str::to_owned))),
            "seed" => Ok(Self::Seed(rest.map(number).transpose()?.flatten())),
            "save" => Ok(Self::Save(file()?)),
            "load" => Ok(Self::Load(file()?)),
            "help" => alone(Self::Help),
            "reset" => alone(Self::Reset),
            "regenerate" => alone(Self::Regenerate),
            "stats" => alone(Self::Stats),
            "quit" => alone(Self::Quit),
            _ => Err(ChatError::UnknownCommand(name.to_owned())),
        }
    }
}

/// The seed, in the syntax of `--seed`.
fn number(seed: &str) -> Result<Option<u64>, ChatError> {
    let number = seed.parse().map(WholeNumber::number);
    number.map_err(|_| ChatError::InvalidSeed(seed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_or_commands() {
        let parse = |line| ChatCommand::parse(line).ok();
        let send = |text: &str| Some(ChatCommand::Send(text.to_owned()));
        assert_eq!(parse("Guten Tag!"), send("Guten Tag!"));
        assert_eq!(parse(" /reset"), send(" /reset"));
        assert_eq!(parse("//reset"), send("/reset"));
        assert_eq!(parse("/reset "), Some(ChatCommand::Reset));
        assert_eq!(parse("/reset alles"), None);
        assert_eq!(parse("/seed 7"), Some(ChatCommand::Seed(Some(7))));
        assert_eq!(parse("/seed"), Some(ChatCommand::Seed(None)));
        assert_eq!(parse("/seed -1"), Some(ChatCommand::Seed(None)));
        assert_eq!(parse("/seed -2"), None);
        assert_eq!(parse("/save"), None);
        assert_eq!(parse("/save a b"), Some(ChatCommand::Save("a b".into())));
        let system = "Du bist\nFaust.".to_owned();
        assert_eq!(
            parse("/system Du bist\nFaust."),
            Some(ChatCommand::System(Some(system)))
        );
        assert_eq!(parse("/"), None);
        assert_eq!(parse("/Reset"), None);
    }

    #[test]
    fn completion_lists_existing_commands() {
        for name in NAMES {
            let is_unknown =
                |line: &str| matches!(ChatCommand::parse(line), Err(ChatError::UnknownCommand(_)));
            assert!(!is_unknown(name), "{name}");
            assert!(is_unknown(&format!("{name}x")), "{name}");
        }
    }
}
