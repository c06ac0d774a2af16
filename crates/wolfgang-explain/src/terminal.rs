//! The text in colours, for a terminal.

use crate::formatter::{Formatter, level};
use crate::token_text::{hex, visible};
use crate::{ExplainReport, Language, TokenReport};
use std::io::Write;

/// The style of each level, from the most likely to the least likely. Dark on light, so that the
/// text is legible on any background; unlikely tokens are also underlined or bold, for readers who
/// do not see the colours.
const STYLES: [&str; 5] = [
    "",
    "\x1b[38;5;16;48;5;230m",
    "\x1b[38;5;16;48;5;222m",
    "\x1b[4;38;5;16;48;5;215m",
    "\x1b[1;4;38;5;16;48;5;209m",
];
const FAINT: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

impl ExplainReport {
    /// Writes the text with the tokens coloured by their probability, a legend, and a summary line,
    /// for a terminal with 256 colours. Control characters in prompt and text are replaced.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_terminal(&self, language: Language, out: &mut impl Write) -> std::io::Result<()> {
        write(self, &Formatter::new(language, &self.sampling), out)
    }
}

fn write(
    report: &ExplainReport,
    formatter: &Formatter,
    out: &mut impl Write,
) -> std::io::Result<()> {
    write_styled(FAINT, &report.prompt, out)?;
    for token in &report.tokens {
        let style = STYLES[level(token.model_probability())];
        write_styled(style, &token_label(token), out)?;
    }
    write!(out, "\n\n{}", formatter.texts.terminal_legend)?;
    for (style, range) in STYLES.iter().zip(formatter.levels()) {
        write!(out, "  ")?;
        write_styled(style, &format!(" {range} "), out)?;
    }
    writeln!(out, "\n{}", formatter.summary_line(report))
}

/// The text that a token added, or its label if it added none to the text.
fn token_label(token: &TokenReport) -> String {
    match &token.token.bytes {
        Some(bytes) if token.text.is_empty() => format!("‹{}›", hex(bytes)),
        _ if token.ends => format!("‹{}›", token.token.label()),
        _ => token.text.clone(),
    }
}

/// Writes text in a style. The style ends before each line break, because a terminal would
/// otherwise colour the rest of the line.
fn write_styled(style: &str, text: &str, out: &mut impl Write) -> std::io::Result<()> {
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            if !style.is_empty() && style != FAINT {
                write!(out, "{style}⏎{RESET}")?;
            }
            writeln!(out)?;
        }
        let line: String = line.chars().map(visible).collect();
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
    fn no_style_crosses_a_line_and_control_characters_are_replaced() {
        let mut out = Vec::new();
        write_styled("\x1b[4m", "a\n\x1b[2Jb", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\x1b[4ma\x1b[0m\x1b[4m⏎\x1b[0m\n\x1b[4m\u{fffd}[2Jb\x1b[0m"
        );
    }
}
