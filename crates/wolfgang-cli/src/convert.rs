//! `wolfgang convert`, and `cargo xtask convert-checkpoint`.

use crate::console::Console;
use crate::home;
use crate::model_args::unread_classes;
use crate::model_source;
use crate::named;
use crate::progress::ProgressLine;
use crate::standard_streams;
use clap::ValueEnum;
use std::io::Write;
use std::path::PathBuf;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, ConvertReport, Precision, Target};
use wolfgang_generate::{GenerateError, ModelConfig, OpenedModel, TokenizerSource};

/// Arguments of `wolfgang convert`.
#[derive(clap::Args, Debug)]
pub struct ConvertArgs {
    /// Checkpoint: a .pt or .gguf file, a native or a Hugging Face folder, or
    /// hf:OWNER/NAME[/FILE.pt][@REVISION]
    #[arg(value_parser = home::path())]
    input: PathBuf,

    /// Folder to write
    #[arg(long, value_name = "DIR", value_parser = home::path())]
    out: PathBuf,

    /// Format to write
    #[arg(long, value_enum, default_value_t = Format::Native)]
    to: Format,

    /// Element type to write [default: that of the input]
    #[arg(long, value_parser = named::precision())]
    dtype: Option<Precision>,

    /// tokenizer.json to copy next to the model, with its chat template [default: the one of the
    /// input, else of the folder being replaced]
    #[arg(long, value_name = "PATH", value_parser = home::path())]
    tokenizer: Option<PathBuf>,

    /// Replace an existing folder that contains only files written by conversions
    #[arg(long)]
    force: bool,
}

/// [`Target`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The format that this program loads fastest
    Native,
    /// The format of the transformers library
    Huggingface,
}

impl From<Format> for Target {
    fn from(format: Format) -> Self {
        match format {
            Format::Native => Self::Native,
            Format::Huggingface => Self::HuggingFace,
        }
    }
}

/// Converts a checkpoint, and prints to standard output what was read, skipped and written.
///
/// # Errors
/// Those of reading and writing checkpoints, and of a tokenizer that does not fit the model.
pub fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    convert_with(args, Console::default())
}

/// As [`convert`], with this console.
pub(crate) fn convert_with(args: &ConvertArgs, console: Console) -> anyhow::Result<()> {
    let (target, precision) = (Target::from(args.to), args.dtype);
    // Before a download that would be in vain.
    if let Some(precision) = precision {
        target.check(precision)?;
    }
    let mut downloading = ProgressLine::new(console);
    let opened = model_source::builder(&args.input, console, &mut downloading)?.open()?;
    let source = opened.checkpoint();
    let mut lines = source_lines(source);
    let tokenizer = tokenizer(args, &opened, console)?;
    let options = ConvertOptions::default()
        .with_target(target)
        .with_precision(precision)
        .with_tokenizer(tokenizer.as_ref().and_then(FoundTokenizer::file))
        .with_embedded_tokenizer(tokenizer.as_ref().is_some_and(FoundTokenizer::is_embedded))
        .with_replace(args.force);
    let mut converting = ProgressLine::new(console);
    let report = wolfgang_checkpoint::convert(source, &args.out, &options, &mut converting)?;
    lines.extend(report_lines(&report));
    if tokenizer.is_some_and(|found| found.is_of_replaced) {
        let kept = "tokenizer.json of the replaced folder, which fits";
        lines.push(("kept", kept.to_owned()));
    }
    // After the conversion: a closed standard output must not prevent it.
    let mut out = standard_streams::output();
    for (label, text) in lines {
        writeln!(out, "{label:<8} {text}")?;
    }
    Ok(out.flush()?)
}

/// What was read, as lines of a label and a text.
fn source_lines(source: &Checkpoint) -> Vec<(&'static str, String)> {
    let ModelConfig {
        n_layer,
        n_head,
        n_kv_head,
        n_embd,
        vocab_size,
        block_size,
        ..
    } = source.config();
    let dtypes = source.dtypes();
    let dtypes = dtypes.iter().map(|(name, n)| format!("{n} {name}"));
    let dtypes = dtypes.collect::<Vec<_>>().join(" and ");
    let n = source.config().n_parameters();
    let mut lines = vec![
        (
            "read",
            format!("{} ({})", source.path().display(), source.format()),
        ),
        (
            "config",
            format!(
                "{n_layer} layers, {n_head} heads, {n_kv_head} kv heads, {n_embd} wide, \
                 vocabulary {vocab_size}, block {block_size}"
            ),
        ),
        ("weights", format!("{n} in {dtypes} tensors")),
    ];
    let skipped = source.skipped().iter().map(|skipped| {
        // The name comes from the file and may contain control characters.
        let name = skipped.name.escape_debug();
        format!("{name}: {}", skipped.reason)
    });
    let skipped = skipped.chain(unread_classes(source));
    lines.extend(skipped.map(|text| ("skipped", text)));
    lines
}

/// What was written, as lines of a label and a text.
fn report_lines(report: &ConvertReport) -> [(&'static str, String); 2] {
    let ConvertReport {
        folder,
        tensors,
        bytes,
        rounded,
        ..
    } = report;
    let folder = folder.display();
    let checked = match rounded {
        0 => "every weight reads back exactly".to_owned(),
        n => format!("every weight reads back as written; {n} were rounded to fit"),
    };
    [
        (
            "wrote",
            format!("{folder} ({tensors} tensors, {bytes} bytes)"),
        ),
        ("checked", checked),
    ]
}

/// The tokenizer of the output folder.
struct FoundTokenizer {
    source: TokenizerSource,
    /// Whether it is that of the folder that is replaced.
    is_of_replaced: bool,
}

impl FoundTokenizer {
    /// The file to copy.
    fn file(&self) -> Option<PathBuf> {
        match &self.source {
            TokenizerSource::File(path) => Some(path.clone()),
            _ => None,
        }
    }

    fn is_embedded(&self) -> bool {
        matches!(self.source, TokenizerSource::Embedded(_))
    }
}

/// The tokenizer of `--tokenizer`, which must fit the model; without one, the input's own or else
/// that of the folder to be replaced, if it fits.
fn tokenizer(
    args: &ConvertArgs,
    opened: &OpenedModel<'_>,
    console: Console,
) -> Result<Option<FoundTokenizer>, GenerateError> {
    let found = |source, is_of_replaced| FoundTokenizer {
        source,
        is_of_replaced,
    };
    if let Some(path) = &args.tokenizer {
        let source = TokenizerSource::File(path.clone());
        opened.read_tokenizer(&source)?;
        return Ok(Some(found(source, false)));
    }
    let replaced = args.force.then(|| args.out.join("tokenizer.json"));
    let replaced = replaced.map(|path| found(TokenizerSource::File(path), true));
    let own = found(opened.tokenizer().clone(), false);
    for found in std::iter::once(own).chain(replaced) {
        if !found.source.path().is_file() {
            continue;
        }
        let Err(error) = opened.read_tokenizer(&found.source) else {
            return Ok(Some(found));
        };
        let source = found.source.to_string();
        let error = format!("{:#}", anyhow::Error::from(error));
        // Most messages begin with the source.
        let error = match error.strip_prefix(&source) {
            Some(rest) if rest.starts_with(" is ") => format!("it{rest}"),
            Some(rest) => rest.trim_start_matches(':').trim_start().to_owned(),
            None => error,
        };
        let verb = match (found.is_of_replaced, found.is_embedded()) {
            (true, _) => "kept",
            (false, true) => "written",
            (false, false) => "copied",
        };
        console.warn(&format!("{source} is not {verb}: {error}"));
    }
    Ok(None)
}
