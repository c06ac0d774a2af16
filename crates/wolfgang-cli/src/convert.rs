//! `wolfgang convert`, and `cargo xtask convert-checkpoint`.

use crate::dtype::Dtype;
use crate::model_source;
use crate::progress::ProgressLine;
use crate::voice::Voice;
use clap::ValueEnum;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, Target};
use wolfgang_generate::{GenerateError, Tokenizer, check_vocabulary, tokenizer_beside};

/// From one form of checkpoint to another. Whatever happens, at the target there is what was there before, or the
/// whole.
#[derive(clap::Args, Debug)]
pub struct ConvertArgs {
    /// The checkpoint: a .pt, a native or a Hugging Face folder, or hf:OWNER/NAME[@REVISION]
    input: PathBuf,

    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The form to write
    #[arg(long, value_enum, default_value_t = Form::Native)]
    to: Form,

    /// The element type to write. Without it, the one found
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,

    /// The model's tokenizer.json, to be put beside it. Without it, the one beside the input
    #[arg(long, value_name = "PATH")]
    tokenizer: Option<PathBuf>,

    /// Replace a folder in which there is nothing but files of the names that conversions write
    #[arg(long)]
    force: bool,
}

/// [`Target`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// What this program loads fastest
    Native,
    /// What the transformers library loads
    Huggingface,
}

impl From<Form> for Target {
    fn from(form: Form) -> Self {
        match form {
            Form::Native => Self::Native,
            Form::Huggingface => Self::HuggingFace,
        }
    }
}

/// Converts, and tells on standard output what was found, left out and written.
///
/// # Errors
/// Those of reading and writing checkpoints, and of a tokenizer that does not fit.
pub fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    convert_with(args, Voice::default())
}

/// As [`convert`], in this voice.
pub(crate) fn convert_with(args: &ConvertArgs, voice: Voice) -> anyhow::Result<()> {
    let (target, precision) = (Target::from(args.to), args.dtype.map(Precision::from));
    // Before a model is downloaded for nothing.
    if let Some(precision) = precision {
        target.check(precision)?;
    }
    let mut told = String::new();
    let source = Checkpoint::open(model_source::resolve(&args.input, voice)?)?;
    tell_source(&source, &mut told)?;
    let options = ConvertOptions {
        target,
        precision,
        tokenizer: tokenizer(args, &source, voice)?,
        replace: args.force,
    };
    let report =
        wolfgang_checkpoint::convert(&source, &args.out, &options, ProgressLine::new(voice))?;
    writeln!(
        told,
        "wrote    {} ({} tensors, {} bytes)",
        report.folder.display(),
        report.tensors,
        report.bytes
    )?;
    let exactness = match report.rounded {
        0 => "exactly".to_owned(),
        n => format!("as written; {n} were rounded to fit"),
    };
    writeln!(told, "checked  every weight reads back {exactness}")?;
    // Now, for whoever does not want to read it must not keep the work from being done.
    Ok(std::io::stdout().write_all(told.as_bytes())?)
}

fn tell_source(source: &Checkpoint, out: &mut String) -> std::fmt::Result {
    let config = source.config();
    let dtypes: Vec<_> = source
        .dtypes()
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    writeln!(
        out,
        "read     {} ({})",
        source.path().display(),
        source.format()
    )?;
    writeln!(
        out,
        "config   {} layers, {} heads, {} kv heads, {} wide, vocabulary {}, block {}",
        config.n_layer,
        config.n_head,
        config.n_kv_head,
        config.n_embd,
        config.vocab_size,
        config.block_size
    )?;
    writeln!(
        out,
        "weights  {} in {} tensors",
        config.n_parameters(),
        dtypes.join(" and ")
    )?;
    for skipped in source.skipped() {
        // The name comes from the file and may hold anything.
        let name = skipped.name.escape_debug();
        writeln!(out, "skipped  {name}: {}", skipped.reason)?;
    }
    Ok(())
}

/// The tokenizer to take along: the one named, which must fit, or one beside the input, if it fits.
fn tokenizer(
    args: &ConvertArgs,
    source: &Checkpoint,
    voice: Voice,
) -> Result<Option<PathBuf>, GenerateError> {
    let check = |path: &Path| check_vocabulary(&Tokenizer::from_file(path)?, source.config());
    if let Some(named) = &args.tokenizer {
        check(named)?;
        return Ok(args.tokenizer.clone());
    }
    let beside = tokenizer_beside(source.path());
    if !beside.is_file() {
        return Ok(None);
    }
    match check(&beside) {
        Ok(()) => Ok(Some(beside)),
        Err(error) => {
            let error = anyhow::Error::from(error);
            voice.warning(&format!(
                "{} is not taken along: {error:#}",
                beside.display()
            ));
            Ok(None)
        }
    }
}
