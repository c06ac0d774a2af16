//! What a line asks for: a message, or a command.

use crate::chat::mistake::Mistake;
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

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Say(String),
    Help,
    Reset,
    /// Without a text, the prompt is shown.
    System(Option<String>),
    /// Without a number, one is drawn for each answer.
    Seed(Option<u64>),
    Save(PathBuf),
    Load(PathBuf),
    Regenerate,
    Stats,
    Quit,
}

impl Order {
    pub(crate) fn parse(line: &str) -> Result<Self, Mistake> {
        let command = match line.strip_prefix('/') {
            None => return Ok(Self::Say(line.to_owned())),
            // A message that begins with a slash.
            Some(rest) if rest.starts_with('/') => return Ok(Self::Say(rest.to_owned())),
            Some(command) => command,
        };
        let (name, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
        let file = || {
            let file = rest.map(|rest| home::expand(Path::new(rest)));
            file.ok_or_else(|| Mistake::NoFile(name.to_owned()))
        };
        let alone = |order| match rest {
            None => Ok(order),
            Some(rest) => Err(Mistake::TooMuch {
                name: name.to_owned(),
                rest: rest.to_owned(),
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
            _ => Err(Mistake::UnknownCommand(name.to_owned())),
        }
    }
}

/// As `--seed` takes it.
fn number(seed: &str) -> Result<Option<u64>, Mistake> {
    let number = seed.parse().map(WholeNumber::number);
    number.map_err(|_| Mistake::NoSeed(seed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_or_a_command() {
        let parse = |line| Order::parse(line).ok();
        let say = |text: &str| Some(Order::Say(text.to_owned()));
        assert_eq!(parse("Guten Tag!"), say("Guten Tag!"));
        assert_eq!(parse(" /reset"), say(" /reset"));
        assert_eq!(parse("//reset"), say("/reset"));
        assert_eq!(parse("/reset "), Some(Order::Reset));
        assert_eq!(parse("/reset alles"), None);
        assert_eq!(parse("/seed 7"), Some(Order::Seed(Some(7))));
        assert_eq!(parse("/seed"), Some(Order::Seed(None)));
        assert_eq!(parse("/seed -1"), Some(Order::Seed(None)));
        assert_eq!(parse("/seed -2"), None);
        assert_eq!(parse("/save"), None);
        assert_eq!(parse("/save a b"), Some(Order::Save("a b".into())));
        let system = "Du bist\nFaust.".to_owned();
        assert_eq!(
            parse("/system Du bist\nFaust."),
            Some(Order::System(Some(system)))
        );
        assert_eq!(parse("/"), None);
        assert_eq!(parse("/Reset"), None);
    }

    #[test]
    fn every_name_is_a_command() {
        for name in NAMES {
            let order = Order::parse(&format!("{name} 1"));
            let alone = Order::parse(name);
            assert!(order.is_ok() || alone.is_ok(), "{name}");
        }
    }
}
