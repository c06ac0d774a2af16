//! What the program says in a conversation.

use crate::report::one_line;
use crate::voice::Voice;
use wolfgang_generate::{FinishReason, Message, Summary};

const HELP_DE: &str = "\
/help            diese Übersicht
/reset           von vorn beginnen
/system [TEXT]   zeigen oder ändern, wer das Modell sein soll
/seed [N]        den Seed festlegen; ohne N wird für jede Antwort einer gezogen
/regenerate      die letzte Antwort durch eine andere ersetzen; ein fester Seed zählt dabei weiter
/stats           Zahlen zur letzten Antwort
/save DATEI      das Gespräch sichern
/load DATEI      ein gesichertes Gespräch fortsetzen
/quit            beenden, wie Ctrl-D oder zweimal Ctrl-C
Ctrl-C bricht eine Antwort ab. Eine Zeile, die mit \\ endet, geht in der nächsten weiter.
Ein Text, der mit / beginnen soll, beginnt mit //.";

const HELP_EN: &str = "\
/help            this overview
/reset           begin anew
/system [TEXT]   show or change who the model is to be
/seed [N]        fix the seed; without N, one is drawn for each answer
/regenerate      replace the last answer by another; a fixed seed counts up
/stats           figures of the last answer
/save FILE       save the conversation
/load FILE       go on with a saved conversation
/quit            end, as Ctrl-D does, or Ctrl-C twice
Ctrl-C breaks off an answer. A line that ends in \\ goes on in the next.
A text that is to begin with / begins with //.";

pub(crate) fn help(voice: Voice) -> &'static str {
    voice.pick(HELP_DE, HELP_EN)
}

pub(crate) fn greeting(voice: Voice) -> &'static str {
    voice.pick(
        "[/help zeigt, was es außer Reden noch gibt; Ctrl-D beendet]",
        "[/help shows what there is besides talking; Ctrl-D ends]",
    )
}

pub(crate) fn once_more(voice: Voice) -> &'static str {
    voice.pick(
        "[noch einmal Ctrl-C beendet]",
        "[Ctrl-C once more ends the conversation]",
    )
}

pub(crate) fn lacks_characters(lost: &str, voice: Voice) -> String {
    voice.pick(
        format!("dem Vokabular des Modells fehlen Zeichen des Textes; es sieht sie nicht: {lost}"),
        format!("the model's vocabulary lacks characters of the text, which were dropped: {lost}"),
    )
}

pub(crate) fn system(text: &str, voice: Voice) -> String {
    if text.is_empty() {
        let none = voice.pick("[kein System-Prompt]", "[no system prompt]");
        return none.to_owned();
    }
    format!("[system: {}]", one_line(text))
}

pub(crate) fn reset(voice: Voice) -> &'static str {
    voice.pick("[von vorn]", "[from the beginning]")
}

pub(crate) fn seed(seed: Option<u64>, voice: Voice) -> String {
    match seed {
        Some(seed) => format!("[seed {seed}]"),
        None => voice
            .pick(
                "[für jede Antwort ein neuer Seed]",
                "[a new seed for each answer]",
            )
            .to_owned(),
    }
}

pub(crate) fn loaded(messages: usize, voice: Voice) -> String {
    voice.pick(
        format!("[{messages} Nachrichten geladen]"),
        format!("[{messages} messages loaded]"),
    )
}

pub(crate) fn saved(messages: usize, voice: Voice) -> String {
    voice.pick(
        format!("[{messages} Nachrichten gesichert]"),
        format!("[{messages} messages saved]"),
    )
}

/// These messages, at least one, the model does not see any more.
pub(crate) fn left_out(messages: &[Message], voice: Voice) -> String {
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
    voice.pick(
        format!("[Kontext voll: die ersten {count} Nachrichten sieht das Modell nicht mehr, bis »{last}{dots}«]"),
        format!("[context full: the model no longer sees the first {count} messages, up to \"{last}{dots}\"]"),
    )
}

/// What a person must be told of how an answer ended.
pub(crate) fn ending(summary: &Summary, voice: Voice) -> Option<&'static str> {
    match summary.reason {
        FinishReason::Cancelled => Some(voice.pick("[abgebrochen]", "[broken off]")),
        FinishReason::ContextFull => Some(voice.pick(
            "[Kontext voll: hier endet die Antwort]",
            "[context full: the answer ends here]",
        )),
        _ if summary.text.trim().is_empty() => Some(voice.pick("[keine Antwort]", "[no answer]")),
        _ => None,
    }
}

pub(crate) fn stats(summary: Option<&Summary>, block_size: usize, voice: Voice) -> String {
    let Some(summary) = summary else {
        let none = voice.pick("[noch keine Antwort]", "[no answer yet]");
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
    voice.pick(
        format!("[Prompt {prompt_tokens} Token, {cached_tokens} davon wiederverwendet; Antwort {generated_tokens} Token, {rate:.0} je Sekunde, Seed {seed}; Kontext {used} von {block_size}, {percent} %]"),
        format!("[prompt {prompt_tokens} tokens, {cached_tokens} of them reused; answer {generated_tokens} tokens, {rate:.0} a second, seed {seed}; context {used} of {block_size}, {percent} %]"),
    )
}
