//! `cargo xtask convert-checkpoint`.

use clap::ValueEnum;
use std::path::PathBuf;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, Precision, convert};
use wolfgang_generate::{Tokenizer, check_vocabulary};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The checkpoint: a .pt or a native folder.
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

#[expect(clippy::print_stdout, reason = "a program may speak")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let source = Checkpoint::open(&args.input)?;
    let config = source.config();
    let dtypes: Vec<_> = source
        .dtypes()
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    println!(
        "read     {} ({:?})",
        source.path().display(),
        source.format()
    );
    println!(
        "config   {} layers, {} heads, {} kv heads, {} wide, vocabulary {}, block {}",
        config.n_layer,
        config.n_head,
        config.n_kv_head,
        config.n_embd,
        config.vocab_size,
        config.block_size
    );
    println!(
        "weights  {} in {} tensors",
        config.n_parameters(),
        dtypes.join(" and ")
    );
    for skipped in source.skipped() {
        println!("skipped  {}: {}", skipped.name, skipped.reason);
    }

    if let Some(path) = &args.tokenizer {
        check_vocabulary(&Tokenizer::from_file(path)?, config)?;
    }
    let options = ConvertOptions {
        precision: args.dtype.map(Into::into),
        tokenizer: args.tokenizer.clone(),
    };
    let report = convert(&source, &args.out, &options)?;
    println!(
        "wrote    {} ({} tensors, {} bytes)",
        report.folder.display(),
        report.tensors,
        report.bytes
    );
    match report.rounded {
        0 => println!("checked  every weight reads back exactly"),
        n => println!("checked  every weight reads back as written; {n} were rounded to fit"),
    }
    Ok(())
}
