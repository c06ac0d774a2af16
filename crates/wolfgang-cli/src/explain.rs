//! `wolfgang explain`.

use crate::config_file::ConfigFile;
use crate::console::Console;
use crate::generation_args::GenerationArgs;
use crate::home;
use crate::output_file::{self, Access};
use crate::prompt;
use crate::whole_number;
use crate::{interrupt, standard_streams};
use anyhow::Context;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use wolfgang_explain::ExplainReport;

/// Arguments of `wolfgang explain`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang explain \"Über allen Gipfeln\" --html gipfel.html
  wolfgang explain \"Habe nun, ach!\" --preset creative --seed 7
  echo \"Wer reitet so spät\" | wolfgang explain --json")]
pub(crate) struct ExplainArgs {
    /// Text to continue, or `-` for standard input
    ///
    /// Without it, the text is read from standard input if that is not a terminal; on a terminal, a
    /// new document begins. A final line break of standard input is removed. A text that begins
    /// with a dash goes last, after `--`.
    prompt: Option<String>,

    /// Write a self-contained HTML page
    #[arg(long, value_name = "FILE", value_parser = home::path())]
    html: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long, requires = "html")]
    force: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Number of alternatives to report per token
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = whole_number::count, allow_negative_numbers = true)]
    alternatives: usize,

    #[command(flatten)]
    generation: GenerationArgs,
}

/// The default of `generate`.
const MAX_NEW_TOKENS: usize = 100;

pub(crate) fn run(args: ExplainArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let mut generation = args.generation.over(file);
    generation.check()?;
    if let Some(path) = &args.html {
        output_file::check(path, args.force)?;
    }
    let prompt = prompt::read(args.prompt.as_deref(), console)?;
    let (generator, _) = generation.load(console)?;
    let tokenizer = generator.tokenizer();
    let options = generation
        .options(tokenizer, MAX_NEW_TOKENS)?
        .with_explain(args.alternatives);
    let mut generation = generator.generate(&prompt, &options)?;
    // From here on, Ctrl-C ends the text, and the explanation covers the text until then.
    let interrupted = interrupt::install_handler()?;
    prompt::warn(&generation, &prompt, &generator, console)?;
    while let Some(event) = generation.next() {
        event?;
        if interrupted.load(Ordering::Relaxed) {
            generation.cancel();
        }
    }
    let summary = generation.into_summary()?;
    let report = ExplainReport::new(prompt, summary, &options.sampling, tokenizer)?;
    let language = console.language;
    if let Some(path) = &args.html {
        let page = report.to_html(language)?;
        output_file::write(path, page.as_bytes(), Access::Default, args.force)
            .with_context(|| format!("failed to write {}", path.display()))?;
        console.info(&format!("[wrote {}]", path.display()));
    }
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else if args.html.is_none() && console.color.on(&std::io::stdout()) {
        report.write_terminal(language, &mut out)?;
    } else if args.html.is_none() {
        report.write_table(language, &mut out)?;
    }
    out.flush()?;
    Ok(interrupt::check(&interrupted)?)
}
