//! The text in colours, for a terminal.

use super::told::{Token, Told};
use super::words::{Words, level};
use crate::piece::{hex, sign};
use std::io::Write;

/// Of each level from the likeliest to the least likely. Dark on light, so that they are legible on any ground, and with
/// more than a colour where it matters.
const STYLES: [&str; 5] = [
    "",
    "\x1b[38;5;16;48;5;230m",
    "\x1b[38;5;16;48;5;222m",
    "\x1b[4;38;5;16;48;5;215m",
    "\x1b[1;4;38;5;16;48;5;209m",
];
const FAINT: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

pub(crate) fn write(told: &Told, words: &Words, out: &mut impl Write) -> std::io::Result<()> {
    styled(FAINT, &told.prompt, out)?;
    for token in &told.tokens {
        styled(STYLES[level(token.probability())], &shown(token), out)?;
    }
    write!(out, "\n\n")?;
    let heading = words.pick(
        "Wahrscheinlichkeit nach dem Modell:",
        "probability by the model:",
    );
    write!(out, "{heading}")?;
    for (style, meaning) in STYLES.iter().zip(words.levels()) {
        write!(out, "  ")?;
        styled(style, &format!(" {meaning} "), out)?;
    }
    writeln!(out, "\n{}", told.facts(words))
}

/// What a token shows of itself: its text, or what it is where it has none.
fn shown(token: &Token) -> String {
    match &token.piece.bytes {
        Some(bytes) if token.text.is_empty() => format!("‹{}›", hex(bytes)),
        _ if token.ends => format!("‹{}›", token.piece.label()),
        _ => token.text.clone(),
    }
}

/// A line break ends a style, for a terminal would colour the rest of the line.
fn styled(style: &str, text: &str, out: &mut impl Write) -> std::io::Result<()> {
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            if !style.is_empty() && style != FAINT {
                write!(out, "{style}⏎{RESET}")?;
            }
            writeln!(out)?;
        }
        let line: String = line.chars().map(sign).collect();
        match style {
            "" => write!(out, "{line}")?,
            _ if line.is_empty() => {}
            _ => write!(out, "{style}{line}{RESET}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_style_crosses_a_line_and_no_control_character_reaches_the_terminal() {
        let mut out = Vec::new();
        styled("\x1b[4m", "a\n\x1b[2Jb", &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out,
            "\x1b[4ma\x1b[0m\x1b[4m⏎\x1b[0m\n\x1b[4m\u{fffd}[2Jb\x1b[0m"
        );
    }
}
