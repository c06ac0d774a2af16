//! `wolfgang run-batch`.

use crate::api_context;
use crate::config_file::ConfigFile;
use crate::console::Console;
use crate::generation_args::GenerationArgs;
use crate::{home, whole_number};
use anyhow::{Context, bail};
use clap::Args;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, ErrorKind, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use wolfgang_serve::BatchRunner;

/// Arguments of `wolfgang run-batch`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang run-batch -i requests.jsonl -o responses.jsonl
  wolfgang run-batch -i requests.jsonl -o responses.jsonl --model my-model --seed 7")]
pub(crate) struct RunBatchArgs {
    /// File with a request in each line
    #[arg(long, short, value_name = "PATH", value_parser = home::path())]
    input: PathBuf,

    /// File for the responses; if it exists, the run that wrote it is continued
    #[arg(long, short, value_name = "PATH", value_parser = home::path())]
    output: PathBuf,

    /// Name of the model in requests and responses [default: the name of its file or folder]
    #[arg(long, value_name = "NAME")]
    model_name: Option<String>,

    /// Maximum number of texts that are generated at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = whole_number::positive, allow_negative_numbers = true)]
    max_running: NonZeroUsize,

    #[command(flatten)]
    generation: GenerationArgs,
}

pub(crate) fn run(args: RunBatchArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let mut generation = args.generation.over(file);
    api_context::check(&generation)?;
    let open = |path: &PathBuf, options: &OpenOptions| -> anyhow::Result<File> {
        let file = options.open(path);
        file.with_context(|| format!("failed to open {}", path.display()))
    };
    let mut input = BufReader::new(open(&args.input, OpenOptions::new().read(true))?);
    let mut output = open(
        &args.output,
        OpenOptions::new().read(true).write(true).create(true),
    )?;
    lock(&output, &args.output)?;
    let context = api_context::load(&mut generation, args.model_name, console)?;
    let seed = generation.sampling.seed().unwrap_or(0);
    let mut runner = BatchRunner::new(context, seed, args.max_running)?;
    let kept = runner.resume(&mut input, &mut BufReader::new(&output))?;
    // The last line of an interrupted run may be incomplete.
    output.set_len(kept)?;
    output.seek(SeekFrom::Start(kept))?;
    let counts = runner.run(input, &output)?;
    output.sync_all()?;
    let kept = match counts.kept {
        0 => String::new(),
        kept => format!("{kept} responses of an earlier run kept, "),
    };
    console.info(&format!(
        "[{kept}{} requests answered, {} failed]",
        counts.answered, counts.failed
    ));
    Ok(())
}

/// Locks the output until it is closed, so that two runs do not write to it at the same time.
fn lock(output: &File, path: &Path) -> anyhow::Result<()> {
    match output.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => bail!(
            "another process writes to {}; wait until it ends, or choose another output",
            path.display()
        ),
        // Some file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("failed to lock {}", path.display()))
        }
    }
}
