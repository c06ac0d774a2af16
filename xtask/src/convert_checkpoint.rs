//! `cargo xtask convert-checkpoint`.

use clap::ValueEnum;
use std::io::Write;
use std::path::PathBuf;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, convert};
use wolfgang_generate::{Tokenizer, check_vocabulary};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The checkpoint: a .pt, a native or a Hugging Face folder.
    input: PathBuf,

    /// The folder to write; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The model's tokenizer.json, to be put beside it.
    #[arg(long, value_name = "PATH")]
    tokenizer: Option<PathBuf>,

    /// The element type to write. Without it, the one found.
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dtype {
    F32,
    F16,
    Bf16,
}

impl From<Dtype> for Precision {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let source = Checkpoint::open(&args.input)?;
    let config = source.config();
    let dtypes: Vec<_> = source
        .dtypes()
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    writeln!(
        out,
        "read     {} ({:?})",
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

    if let Some(path) = &args.tokenizer {
        check_vocabulary(&Tokenizer::from_file(path)?, config)?;
    }
    let options = ConvertOptions {
        precision: args.dtype.map(Into::into),
        tokenizer: args.tokenizer.clone(),
    };
    let report = convert(&source, &args.out, &options)?;
    writeln!(
        out,
        "wrote    {} ({} tensors, {} bytes)",
        report.folder.display(),
        report.tensors,
        report.bytes
    )?;
    let exactness = match report.rounded {
        0 => "exactly".to_owned(),
        n => format!("as written; {n} were rounded to fit"),
    };
    writeln!(out, "checked  every weight reads back {exactness}")?;
    Ok(())
}
