//! Checks constraints against public suites: the JSON-Schema-Test-Suite with the results of
//! llguidance as expected ones, and texts of random logits for the schemas of MaskBench, which a
//! validator checks.

mod random_texts;
mod suite;

use anyhow::Context;
use clap::Parser;
use std::path::PathBuf;
use wolfgang_constrain::GrammarCompiler;
use wolfgang_tokenize::Tokenizer;

#[derive(Parser)]
struct Args {
    /// tokenizer.json; for the suite with a token for every byte
    #[arg(long)]
    tokenizer: PathBuf,

    /// Folder of a draft in the JSON-Schema-Test-Suite, such as tests/draft2020-12
    #[arg(long, requires = "baseline")]
    suite: Option<PathBuf>,

    /// expected_json_schema_test_suite.json of llguidance
    #[arg(long)]
    baseline: Option<PathBuf>,

    /// Folder with the schemas of MaskBench
    #[arg(long)]
    schemas: Option<PathBuf>,

    /// Number of schemas, evenly spaced in the order of their names
    #[arg(long, default_value = "1000")]
    count: usize,

    /// Number of texts per schema
    #[arg(long, default_value = "3")]
    seeds: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tokenizer = Tokenizer::from_file(&args.tokenizer)?;
    let compiler = GrammarCompiler::new(&tokenizer)?;
    if let (Some(suite), Some(baseline)) = (&args.suite, &args.baseline) {
        anyhow::ensure!(
            tokenizer.missing_bytes().is_empty(),
            "the tokenizer lacks bytes that texts of the suite need"
        );
        suite::check(suite, baseline, &compiler, &tokenizer)?;
    }
    if let Some(schemas) = &args.schemas {
        random_texts::check(schemas, args.count, args.seeds, &compiler, &tokenizer)
            .with_context(|| format!("the schemas in {}", schemas.display()))?;
    }
    Ok(())
}
