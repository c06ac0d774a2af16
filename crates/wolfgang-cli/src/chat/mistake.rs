//! What a person, or a file, can get wrong in a conversation.

use crate::chat::messages::MessageError;

/// One sentence each, in English or in German.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mistake {
    #[error(
        "unknown command /{0}; /help lists the commands (start a text with // for a literal /)"
    )]
    UnknownCommand(String),
    #[error("/{0} requires a file name")]
    NoFile(String),
    #[error("/{name} takes no argument, but got {rest:?}")]
    TooMuch { name: String, rest: String },
    #[error(
        "the seed is {0:?}, but it must be an integer from 0 to 2^64 - 1, or empty for a random seed"
    )]
    NoSeed(String),
    #[error(
        "line {0} of standard input is not UTF-8 text and was skipped; convert the input, for example with iconv -f ISO-8859-1 -t UTF-8"
    )]
    NoText(usize),
    #[error("the line is not UTF-8 text and was not sent; set the terminal to UTF-8")]
    TypedNoText,
    #[error("{name} is not a saved conversation")]
    NoJson {
        name: String,
        source: serde_json::Error,
    },
    #[error("{name} is not a saved conversation")]
    NoConversation { name: String, source: MessageError },
    #[error(
        "{0} is JSON Lines, but a conversation is one JSON value: join the messages with jq -s . {0}, or put each line with \
         `messages` into a file of its own"
    )]
    JsonLines(String),
    #[error("{0} is not a saved conversation; refusing to replace it")]
    OtherFile(String),
    #[error("--ignore-eos has no effect in a chat: <|endoftext|> ends each reply")]
    IgnoreEos,
}

impl Mistake {
    /// Not where the words of a parser are part of it.
    pub(crate) fn german(&self) -> Option<String> {
        Some(match self {
            Self::UnknownCommand(name) => format!(
                "/{name} gibt es nicht; /help zeigt, was es gibt (// beginnt einen Text mit /)"
            ),
            Self::NoFile(name) => format!("/{name} braucht den Namen einer Datei"),
            Self::TooMuch { name, rest } => {
                format!("hinter /{name} steht nichts, aber hier steht {rest:?}")
            }
            Self::NoSeed(seed) => format!(
                "der Seed ist {seed:?}, aber er muss eine ganze Zahl von 0 bis 2^64 - 1 sein; ohne Zahl wird einer gezogen"
            ),
            Self::NoText(line) => {
                format!(
                    "die Zeile {line} der Standardeingabe ist kein Text in UTF-8 und wurde ausgelassen; wandeln Sie die \
                     Eingabe um, etwa mit iconv -f ISO-8859-1 -t UTF-8"
                )
            }
            Self::TypedNoText => {
                "die Zeile ist kein Text in UTF-8 und wurde nicht gesendet; stellen Sie das Terminal auf UTF-8 um".into()
            }
            Self::NoJson { .. } => return None,
            Self::JsonLines(name) => format!(
                "{name} enthält JSON Lines, aber ein Gespräch ist ein einziger JSON-Wert: verbinden Sie Nachrichten mit \
                 jq -s . {name}, oder legen Sie jede Zeile mit `messages` in eine eigene Datei"
            ),
            Self::NoConversation { name, source } => {
                format!("{name} ist kein gesichertes Gespräch: {}", source.german())
            }
            Self::OtherFile(name) => {
                format!("{name} ist etwas anderes als ein Gespräch und wird nicht ersetzt")
            }
            Self::IgnoreEos => {
                "--ignore-eos bewirkt hier nichts: <|endoftext|> beendet eine Antwort".into()
            }
        })
    }
}
