//! `wolfgang explain`.

mod new_file;
mod page;
mod table;
mod terminal;
mod told;
mod words;

use crate::config_file::ConfigFile;
use crate::generate::{prompt, warn};
use crate::home;
use crate::length_args::LengthArgs;
use crate::model_args::ModelArgs;
use crate::piece::with_pieces;
use crate::sampling_args::SamplingArgs;
use crate::voice::Voice;
use crate::whole_number;
use crate::{interrupt, standard_streams};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use told::Told;
use wolfgang_generate::GenerateError;
use words::Words;

pub(crate) use new_file::NotWritable;

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
    model: ModelArgs,

    #[command(flatten)]
    sampling: SamplingArgs,

    #[command(flatten)]
    length: LengthArgs,
}

/// As `generate` has it.
const MAX_NEW_TOKENS: usize = 100;

pub(crate) fn run(args: ExplainArgs, file: ConfigFile, voice: Voice) -> anyhow::Result<()> {
    let model_args = args.model.over(file.model, &file.folder);
    let sampling = args.sampling.over(file.sampling);
    let length = args.length.or(file.length);
    // Before the model is loaded: a mistyped number should not cost a second.
    sampling.check()?;
    sampling.params().validate().map_err(GenerateError::from)?;
    length.check()?;
    if let Some(path) = &args.html {
        new_file::check(path, args.force)?;
    }
    let prompt = prompt(args.prompt.as_deref(), voice)?;
    let (generator, _) = model_args.load(voice)?;
    let tokenizer = generator.tokenizer();
    let options = length
        .options(&sampling, tokenizer, MAX_NEW_TOKENS)?
        .with_explain(args.alternatives);
    let mut generation = generator.generate(&prompt, &options)?;

    // Ctrl-C ends the text; what there is by then is explained.
    let interrupted = interrupt::listen()?;
    warn(&generation, &prompt, &generator, voice)?;
    while let Some(event) = generation.next() {
        event?;
        if interrupted.load(Ordering::Relaxed) {
            generation.cancel();
        }
    }
    let told = Told::new(&prompt, generation.into_summary()?, tokenizer);
    let words = Words::new(voice.language, &options.sampling);
    if let Some(path) = &args.html {
        new_file::write(
            path,
            page::page(&told, &words, tokenizer)?.as_bytes(),
            args.force,
        )?;
        voice.note(&words.written(path, told.tokens.len()));
    }
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", with_pieces(&told, tokenizer)?)?;
    } else if args.html.is_none() && voice.color.on(&std::io::stdout()) {
        terminal::write(&told, &words, &mut out)?;
    } else if args.html.is_none() {
        table::write(&told, &words, &mut out)?;
    }
    out.flush()?;
    Ok(interrupt::check(&interrupted)?)
}
