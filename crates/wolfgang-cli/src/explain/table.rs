//! The tokens by the line, for where there are no colours.

use super::told::{Token, Told};
use super::words::Words;
use std::io::Write;
use wolfgang_generate::StepReport;

pub(crate) fn write(told: &Told, words: &Words, out: &mut impl Write) -> std::io::Result<()> {
    let [model, rank, sampled, token, removed] = words.pick(
        ["Modell", "Rang", "gezogen", "Token", "ausgeschlossen"],
        ["model", "rank", "drawn", "token", "ruled out"],
    );
    let width = |line: &Token| words.quoted(&line.piece.label()).chars().count();
    let widest = told
        .tokens
        .iter()
        .map(width)
        .max()
        .unwrap_or(0)
        .clamp(5, 24);
    writeln!(
        out,
        "{model:>8}  {rank:>6}  {sampled:>8}  {token:widest$}  {removed}"
    )?;
    for line in &told.tokens {
        writeln!(
            out,
            "{:>8}  {:>6}  {:>8}  {:widest$}  {}",
            words.percent(line.probability()),
            line.explanation.chosen.rank,
            words.percent(line.sampled()),
            words.quoted(&line.piece.label()),
            removals(line, words),
        )?;
    }
    writeln!(out, "\n{}", told.facts(words))
}

/// How many tokens each step ruled out, of the steps that did.
pub(crate) fn removals(line: &Token, words: &Words) -> String {
    let steps = line.explanation.steps.iter().filter(|step| step.masked > 0);
    let removal =
        |step: &StepReport| format!("{}: {}", words.step(step.step.as_str()), step.masked);
    steps.map(removal).collect::<Vec<_>>().join(" · ")
}
