//! Texts of a chat, in German and in English.

use crate::console::one_line;
use crate::error::{ChatError, MessageError};
use crate::lost_characters::LostCharacters;
use std::path::Path;
use wolfgang_explain::Language;
use wolfgang_generate::{FinishReason, Message, Summary};

const HELP_DE: &str = "\
/help            diese Übersicht
/reset           neu beginnen
/system [TEXT]   den System-Prompt zeigen oder ändern
/seed [N]        den Seed festlegen; ohne N wird für jede Antwort ein neuer gezogen
/regenerate      die letzte Antwort durch eine andere ersetzen; ein fester Seed zählt dabei weiter
/stats           Zahlen zur letzten Antwort
/save DATEI      das Gespräch sichern
/load DATEI      ein gesichertes Gespräch fortsetzen
/quit            beenden, wie Ctrl-D oder zweimal Ctrl-C
Ctrl-C bricht eine Antwort ab. Eine Zeile, die mit \\ endet, geht in der nächsten weiter.
Ein Text, der mit / beginnen soll, beginnt mit //.";

const HELP_EN: &str = "\
/help            show this list
/reset           start over
/system [TEXT]   show or change the system prompt
/seed [N]        set the seed; without N, each reply gets a new one
/regenerate      replace the last reply; a fixed seed is increased by 1
/stats           figures of the last reply
/save FILE       save the conversation
/load FILE       continue a saved conversation
/quit            quit, like Ctrl-D or Ctrl-C twice
Ctrl-C stops a reply. A line that ends in \\ continues on the next line.
Start a message with // for a literal /.";

/// The text in this language.
fn pick<T>(language: Language, german: T, english: T) -> T {
    match language {
        Language::De => german,
        _ => english,
    }
}

pub(crate) fn help(language: Language) -> &'static str {
    pick(language, HELP_DE, HELP_EN)
}

pub(crate) fn greeting(language: Language) -> &'static str {
    pick(
        language,
        "[/help listet die Befehle; Ctrl-D beendet]",
        "[/help lists the commands; Ctrl-D quits]",
    )
}

pub(crate) fn interrupt_again(language: Language) -> &'static str {
    pick(
        language,
        "[noch einmal Ctrl-C beendet]",
        "[Ctrl-C again quits]",
    )
}

pub(crate) fn dropped_characters(dropped: &LostCharacters, language: Language) -> String {
    match language {
        Language::De => {
            let more = match dropped.more {
                0 => String::new(),
                n => format!(" und {n} weitere"),
            };
            let shown = &dropped.shown;
            format!(
                "Warnung: dem Vokabular des Modells fehlen Zeichen des Textes, die entfallen: \
                 {shown}{more}"
            )
        }
        _ => format!(
            "warning: the model's vocabulary lacks characters of the text, which were dropped: \
             {dropped}"
        ),
    }
}

pub(crate) fn history_not_saved(
    path: &Path,
    error: &dyn std::error::Error,
    language: Language,
) -> String {
    let path = path.display();
    pick(
        language,
        format!("Warnung: die Eingaben werden nicht gespeichert: {path}: {error}"),
        format!("warning: the input history is not saved: {path}: {error}"),
    )
}

pub(crate) fn system(text: &str, language: Language) -> String {
    if text.is_empty() {
        let none = pick(language, "[kein System-Prompt]", "[no system prompt]");
        return none.to_owned();
    }
    format!("[system: {}]", one_line(text))
}

pub(crate) fn reset(language: Language) -> &'static str {
    pick(language, "[neues Gespräch]", "[new conversation]")
}

pub(crate) fn seed(seed: Option<u64>, language: Language) -> String {
    match seed {
        Some(seed) => format!("[seed {seed}]"),
        None => pick(
            language,
            "[für jede Antwort ein neuer Seed]",
            "[a new seed for each reply]",
        )
        .to_owned(),
    }
}

pub(crate) fn loaded(messages: usize, language: Language) -> String {
    pick(
        language,
        format!("[{messages} Nachrichten geladen]"),
        format!("[{messages} messages loaded]"),
    )
}

pub(crate) fn saved(messages: usize, language: Language) -> String {
    pick(
        language,
        format!("[{messages} Nachrichten gesichert]"),
        format!("[{messages} messages saved]"),
    )
}

/// The notice that the oldest messages no longer fit into the context.
pub(crate) fn truncated(messages: &[Message], language: Language) -> String {
    const SHOWN: usize = 30;
    let count = messages.len();
    let last = messages.last().map_or("", |message| &message.content);
    let last = one_line(last.trim());
    let dots = if last.chars().count() > SHOWN {
        "…"
    } else {
        ""
    };
    let last: String = last.chars().take(SHOWN).collect();
    pick(
        language,
        format!(
            "[Kontext voll: die ersten {count} Nachrichten sieht das Modell nicht mehr, bis »{last}{dots}«]"
        ),
        format!(
            "[context full: the model no longer sees the first {count} messages, up to \"{last}{dots}\"]"
        ),
    )
}

/// The notice after a reply that did not end as usual.
pub(crate) fn finish_notice(summary: &Summary, language: Language) -> Option<&'static str> {
    match summary.reason {
        FinishReason::Cancelled => Some(pick(language, "[abgebrochen]", "[stopped]")),
        FinishReason::ContextFull => Some(pick(
            language,
            "[Kontext voll: hier endet die Antwort]",
            "[context full: the reply ends here]",
        )),
        _ if summary.text.trim().is_empty() => {
            Some(pick(language, "[leere Antwort]", "[empty reply]"))
        }
        _ => None,
    }
}

pub(crate) fn stats(summary: Option<&Summary>, block_size: usize, language: Language) -> String {
    let Some(summary) = summary else {
        let none = pick(language, "[noch keine Antwort]", "[no reply yet]");
        return none.to_owned();
    };
    let Summary {
        prompt_tokens,
        cached_tokens,
        generated_tokens,
        seed,
        timing,
        ..
    } = summary;
    let rate = *generated_tokens as f64 / timing.decode.as_secs_f64().max(f64::MIN_POSITIVE);
    let used = (prompt_tokens + generated_tokens).min(block_size);
    let percent = 100 * used / block_size.max(1);
    pick(
        language,
        format!(
            "[Prompt {prompt_tokens} Token, {cached_tokens} davon aus dem Cache; Antwort {generated_tokens} Token, {rate:.0} Token/s, Seed {seed}; Kontext {used} von {block_size}, {percent} %]"
        ),
        format!(
            "[prompt {prompt_tokens} tokens, {cached_tokens} of them cached; reply {generated_tokens} tokens, {rate:.0} tokens/s, seed {seed}; context {used} of {block_size}, {percent} %]"
        ),
    )
}

/// The message of an error, with its label.
pub(crate) fn error(error: &ChatError, language: Language) -> String {
    match language {
        Language::De => format!("Fehler: {}", german_error(error)),
        _ => match std::error::Error::source(error) {
            Some(source) => format!("error: {error}: {source}"),
            None => format!("error: {error}"),
        },
    }
}

fn german_error(error: &ChatError) -> String {
    match error {
        ChatError::UnknownCommand(name) => format!(
            "unbekannter Befehl /{name}; /help listet die Befehle (// beginnt eine Nachricht mit /)"
        ),
        ChatError::MissingFileName(name) => format!("/{name} braucht einen Dateinamen"),
        ChatError::UnexpectedArgument { name, argument } => {
            format!("/{name} hat kein Argument, aber hier steht {argument:?}")
        }
        ChatError::InvalidSeed(seed) => format!(
            "der Seed ist {seed:?}, aber er muss eine ganze Zahl von 0 bis 2^64 - 1 sein; ohne Zahl \
             wird einer gezogen"
        ),
        ChatError::LineNotUtf8(line) => format!(
            "die Zeile {line} der Standardeingabe ist kein Text in UTF-8 und wurde ausgelassen; \
             wandeln Sie die Eingabe um, etwa mit iconv -f ISO-8859-1 -t UTF-8"
        ),
        ChatError::TypedLineNotUtf8 => {
            "die Zeile ist kein Text in UTF-8 und wurde nicht gesendet; stellen Sie das Terminal \
             auf UTF-8 um"
                .to_owned()
        }
        ChatError::NotJson { name, source } => format!(
            "{name} ist kein gespeichertes Gespräch: kein gültiges JSON in Zeile {}, Spalte {}",
            source.line(),
            source.column()
        ),
        ChatError::NotAConversation { name, source } => format!(
            "{name} ist kein gespeichertes Gespräch: {}",
            german_message_error(source)
        ),
        ChatError::JsonLines(name) => format!(
            "{name} enthält JSON Lines, aber ein Gespräch ist ein einziger JSON-Wert: verbinden \
             Sie die Nachrichten mit jq -s . {name}, oder legen Sie jede Zeile mit `messages` in \
             eine eigene Datei"
        ),
        ChatError::NothingToAnswer => {
            "das Gespräch hat noch keine Nachricht, auf die zu antworten wäre".to_owned()
        }
        ChatError::MessageTooLong { tokens, block_size } => format!(
            "die Nachricht hat mit dem System-Prompt {tokens} Token, aber der Kontext des Modells \
             fasst {block_size}; kürzen Sie sie"
        ),
        ChatError::OtherFile(name) => {
            format!("{name} ist kein gespeichertes Gespräch und wird nicht ersetzt")
        }
        ChatError::IgnoreEos => {
            "--ignore-eos bewirkt hier nichts: <|endoftext|> beendet eine Antwort".to_owned()
        }
    }
}

fn german_message_error(error: &MessageError) -> String {
    match error {
        MessageError::NoList => {
            "es muss eine Liste von Nachrichten oder ein Objekt mit `messages` sein".to_owned()
        }
        MessageError::SystemNoText => "`system` muss ein Text sein".to_owned(),
        MessageError::TwoSystems { position } => format!(
            "`system` enthält einen System-Prompt, und Nachricht {position} enthält einen anderen"
        ),
        MessageError::NoObject { position } => {
            format!("Nachricht {position} muss ein Objekt mit `role` und `content` sein")
        }
        MessageError::Role { position, role } => format!(
            "die Rolle von Nachricht {position} ist {role}, aber sie muss `user` oder `assistant` \
             sein, davor auch `system` oder `developer`"
        ),
        MessageError::Content { position } => format!(
            "der Inhalt von Nachricht {position} muss ein Text oder eine Liste von Textteilen sein"
        ),
        MessageError::Part {
            position,
            part,
            found,
        } => format!(
            "Teil {part} von Nachricht {position} ist vom Typ {found}, aber nur Textteile werden \
             gelesen"
        ),
    }
}
