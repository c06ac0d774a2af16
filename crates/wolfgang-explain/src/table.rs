//! The table: a line per token, without colours.

use crate::formatter::Formatter;
use crate::{ExplainReport, Language, TokenReport};
use std::io::Write;

impl ExplainReport {
    /// Writes a table with one line per token, and a summary line.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_table(&self, language: Language, out: &mut impl Write) -> std::io::Result<()> {
        write(self, &Formatter::new(language, &self.sampling), out)
    }
}

fn write(
    report: &ExplainReport,
    formatter: &Formatter,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let texts = &formatter.texts.table;
    let label = |token: &TokenReport| formatter.quoted(&token.token.label());
    let widths = report
        .tokens
        .iter()
        .map(|token| label(token).chars().count());
    let width = widths.max().unwrap_or(0).clamp(5, 24);
    writeln!(
        out,
        "{:>8}  {:>6}  {:>8}  {:width$}  {}",
        texts.model, texts.rank, texts.sampled, texts.token, texts.masked
    )?;
    for token in &report.tokens {
        writeln!(
            out,
            "{:>8}  {:>6}  {:>8}  {:width$}  {}",
            formatter.percent(token.model_probability()),
            token.explanation.chosen.rank,
            formatter.percent(token.sampled_probability()),
            label(token),
            formatter.masked_counts(token),
        )?;
    }
    writeln!(out, "\n{}", formatter.summary_line(report))
}
