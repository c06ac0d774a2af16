//! What a line asks for: a message, or a command.

use crate::report::BadParameter;
use crate::voice::Voice;
use std::path::PathBuf;

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
    pub(crate) fn parse(line: &str, voice: Voice) -> Result<Self, BadParameter> {
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
            let missing = voice.pick("braucht den Namen einer Datei", "needs the name of a file");
            rest.map(PathBuf::from)
                .ok_or_else(|| BadParameter(format!("/{name} {missing}")))
        };
        let order = match name {
            "system" => Self::System(rest.map(str::to_owned)),
            "seed" => Self::Seed(rest.map(|seed| number(seed, voice)).transpose()?),
            "save" => Self::Save(file()?),
            "load" => Self::Load(file()?),
            "help" => Self::Help,
            "reset" => Self::Reset,
            "regenerate" => Self::Regenerate,
            "stats" => Self::Stats,
            "quit" => Self::Quit,
            _ => {
                return Err(BadParameter(voice.pick(
                    format!("/{name} gibt es nicht; /help zeigt, was es gibt (// beginnt einen Text mit /)"),
                    format!("there is no /{name}; /help shows what there is (// begins a text with /)"),
                )));
            }
        };
        let takes_nothing = !matches!(
            order,
            Self::System(_) | Self::Seed(_) | Self::Save(_) | Self::Load(_)
        );
        match rest {
            Some(rest) if takes_nothing => Err(BadParameter(voice.pick(
                format!("nach /{name} steht nichts, aber hier steht {rest:?}"),
                format!("nothing follows /{name}, but here is {rest:?}"),
            ))),
            _ => Ok(order),
        }
    }
}

fn number(seed: &str, voice: Voice) -> Result<u64, BadParameter> {
    seed.parse().map_err(|_| {
        BadParameter(voice.pick(
            format!("der Seed ist {seed:?}, muss aber eine ganze Zahl von 0 bis 2^64 - 1 sein"),
            format!("the seed is {seed:?}, but it must be a whole number from 0 to 2^64 - 1"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_or_a_command() {
        let parse = |line| Order::parse(line, Voice::default()).ok();
        let say = |text: &str| Some(Order::Say(text.to_owned()));
        assert_eq!(parse("Guten Tag!"), say("Guten Tag!"));
        assert_eq!(parse(" /reset"), say(" /reset"));
        assert_eq!(parse("//reset"), say("/reset"));
        assert_eq!(parse("/reset "), Some(Order::Reset));
        assert_eq!(parse("/reset alles"), None);
        assert_eq!(parse("/seed 7"), Some(Order::Seed(Some(7))));
        assert_eq!(parse("/seed"), Some(Order::Seed(None)));
        assert_eq!(parse("/seed -1"), None);
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
            let order = Order::parse(&format!("{name} 1"), Voice::default());
            let alone = Order::parse(name, Voice::default());
            assert!(order.is_ok() || alone.is_ok(), "{name}");
        }
    }
}
