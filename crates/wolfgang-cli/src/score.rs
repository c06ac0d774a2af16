//! `wolfgang score`.

use crate::config_file::ConfigFile;
use crate::console::Console;
use crate::error::UsageError;
use crate::home;
use crate::lost_characters;
use crate::model_args::ModelArgs;
use crate::standard_streams;
use crate::text_source;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use wolfgang_generate::{Score, ScoreOptions, ScoreWindows, Tokenizer};

/// Arguments of `wolfgang score`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang score \"Wer reitet so spät durch Nacht und Wind?\"
  wolfgang score --file poem.txt --json")]
pub(crate) struct ScoreArgs {
    /// Text to score, or `-` for standard input (the default if that is not a terminal)
    ///
    /// A final line break of standard input is removed. A text that begins with a dash goes last,
    /// after `--`.
    #[arg(conflicts_with = "file")]
    text: Option<String>,

    /// File with the text; a final line break is part of it
    #[arg(long, value_name = "PATH", value_parser = home::path())]
    file: Option<PathBuf>,

    /// Score every token, the first one after <|endoftext|>, in windows as `loglikelihood_rolling`
    /// of lm-evaluation-harness has them. Without it the first token is not scored, and windows
    /// overlap by half
    #[arg(long)]
    rolling: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelArgs,
}

/// The output of `--json`; `docs/command.md` describes it.
#[derive(Serialize)]
struct Findings {
    tokens: Vec<TokenLine>,
    mean_logprob: Option<f64>,
    perplexity: Option<f64>,
    represented: bool,
}

#[derive(Serialize)]
struct TokenLine {
    id: u32,
    token: String,
    /// None for the first token, unless windows are rolling.
    logprob: Option<f32>,
}

pub(crate) fn run(args: ScoreArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let text = match (&args.file, &args.text) {
        (Some(path), _) => text_source::file(path)?,
        (None, text) => text_source::required(text.as_deref())?,
    };
    if text.is_empty() {
        return Err(UsageError(
            "the text is empty, but scoring requires at least one token".into(),
        )
        .into());
    }
    let model = args.model.over(file.model, &file.folder);
    let (generator, _) = model.load(console)?;
    let tokenizer = generator.tokenizer();
    let lost = lost_characters::of(&text, tokenizer)?;
    if let Some(lost) = &lost {
        console.warn(&format!(
            "the model's vocabulary lacks characters of the text, which are not scored: {lost}"
        ));
    }
    let windows = match args.rolling {
        true => ScoreWindows::Rolling,
        false => ScoreWindows::Overlapping,
    };
    let options = ScoreOptions::default().with_windows(windows);
    let score = generator.score_with(&text, &options)?;
    let findings = Findings {
        tokens: tokens(&score, tokenizer),
        mean_logprob: score.mean_logprob(),
        perplexity: score.perplexity(),
        represented: lost.is_none(),
    };
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
    } else {
        write_table(&findings, &mut out)?;
    }
    Ok(out.flush()?)
}

fn tokens(score: &Score, tokenizer: &Tokenizer) -> Vec<TokenLine> {
    let pairs = score.ids.iter().zip(&score.logprobs);
    let line = |(&id, &logprob): (&u32, &Option<f32>)| TokenLine {
        id,
        token: tokenizer.token_text(id).into_owned(),
        logprob,
    };
    pairs.map(line).collect()
}

fn write_table(findings: &Findings, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{:>9}  {:>18}  token", "ln p", "probability")?;
    for TokenLine { token, logprob, .. } in &findings.tokens {
        match logprob {
            Some(logprob) => {
                let percent = 100.0 * f64::from(*logprob).exp();
                writeln!(out, "{logprob:>9.3}  {percent:>16.3} %  {token:?}")?;
            }
            None => writeln!(out, "{:>9}  {:>18}  {token:?}", "", "")?,
        }
    }
    let tokens = findings.tokens.len();
    match findings.perplexity {
        Some(perplexity) => writeln!(out, "\nperplexity {perplexity:.2}  ({tokens} tokens)"),
        None => writeln!(out, "\nno perplexity: no token was scored"),
    }
}
