//! Options for what a text must satisfy.

use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};
use wolfgang_generate::Grammar;

/// At most one of them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Constraint")]
#[group(multiple = false)]
pub(crate) struct ConstraintArgs {
    /// Generate only texts that match this regular expression as a whole
    #[arg(long, value_name = "REGEX")]
    regex: Option<String>,

    /// Generate only JSON that is valid for the JSON Schema in FILE
    #[arg(long, value_name = "FILE")]
    json_schema: Option<PathBuf>,

    /// Generate only texts of the grammar in FILE, in the syntax of Lark
    #[arg(long, value_name = "FILE")]
    grammar: Option<PathBuf>,
}

impl ConstraintArgs {
    /// The grammar, if one is given. The files are read here.
    pub(crate) fn grammar(&self) -> anyhow::Result<Option<Grammar>> {
        if let Some(regex) = &self.regex {
            return Ok(Some(Grammar::Regex(regex.clone())));
        }
        if let Some(path) = &self.json_schema {
            let schema = serde_json::from_str(&read(path)?);
            let schema = schema.with_context(|| format!("{} is not JSON", path.display()))?;
            return Ok(Some(Grammar::JsonSchema(schema)));
        }
        let grammar = self.grammar.as_deref().map(read).transpose()?;
        Ok(grammar.map(Grammar::Lark))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}
