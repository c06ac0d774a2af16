//! The tokens by the line, for where there are no colours.

use super::told::{StepLine, TokenLine, Told};
use super::words::Words;
use std::io::Write;

pub(crate) fn write(told: &Told, words: &Words, out: &mut impl Write) -> std::io::Result<()> {
    let [model, rank, sampled, token, removed] = words.pick(
        ["Modell", "Rang", "gezogen", "Token", "ausgeschlossen"],
        ["model", "rank", "drawn", "token", "ruled out"],
    );
    let width = |line: &TokenLine| words.quoted(&line.chosen.piece.label()).chars().count();
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
            line.chosen.rank,
            words.percent(line.sampled()),
            words.quoted(&line.chosen.piece.label()),
            removals(line, words),
        )?;
    }
    let facts = words.facts(told.generated_tokens, told.seed, told.reason);
    writeln!(out, "\n{facts}")
}

/// How many tokens each step ruled out, of the steps that did.
pub(crate) fn removals(line: &TokenLine, words: &Words) -> String {
    let steps = line.steps.iter().filter(|step| step.removed > 0);
    let removal = |step: &StepLine| format!("{}: {}", words.step(step.step), step.removed);
    steps.map(removal).collect::<Vec<_>>().join(" · ")
}
