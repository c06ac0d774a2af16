//! `wolfgang bench`: how fast a model is here, and how fast it could be.

mod case;
mod figures;
mod limits;
mod memory;
mod speeds;
mod start;

pub use case::{CaseArgs, run_case};
pub use figures::{Figures, Rate, Sample, StepTime, Throughput};
pub use memory::peak_memory;

use crate::console::Console;
use crate::error::UsageError;
use crate::home;
use crate::model_source;
use crate::named;
use crate::standard_streams;
use crate::whole_number;
use anyhow::Context;
use case::{Case, Part, Speeds, Start};
use clap::Args;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tempfile::TempDir;
use wolfgang_checkpoint::{Checkpoint, ConvertOptions, convert};
use wolfgang_generate::{DeviceName, ModelConfig, Precision};

/// The prompt whose first token is waited for, unless the model's context is shorter.
const FIRST_TOKEN: usize = 512;

const TOKENS: NonZeroUsize = NonZeroUsize::new(48).unwrap();
const SEQUENCES: NonZeroUsize = NonZeroUsize::new(8).unwrap();
/// Each has a cache of its own.
const MAX_SEQUENCES: usize = 256;
const REPETITIONS: NonZeroUsize = NonZeroUsize::new(5).unwrap();

/// Arguments of `wolfgang bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Model to load [default: random weights of a 75M model in a temporary folder]
    ///
    /// A .pt file, a native folder, a Hugging Face folder, or hf:OWNER/NAME.
    #[arg(long, value_name = "PATH|hf:OWNER/NAME", value_parser = home::path())]
    pub model: Option<PathBuf>,

    /// Devices to measure, one after the other
    #[arg(long = "device", value_name = "NAME,...", value_delimiter = ',', default_values_t = [DeviceName::Auto])]
    pub devices: Vec<DeviceName>,

    /// Element types of the weights to measure
    #[arg(long = "dtype", value_name = "DTYPE,...", value_delimiter = ',', value_parser = named::precision(), default_values_t = [Precision::F32])]
    pub dtypes: Vec<Precision>,

    /// Numbers of CPU threads to measure [default: one per core]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::positive, allow_negative_numbers = true)]
    pub threads: Vec<NonZeroUsize>,

    /// Prompt lengths of the prefill measurements [default: 7/8 of the context]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::count, allow_negative_numbers = true)]
    pub prefill: Vec<usize>,

    /// Positions at which decoding starts [default: 1/8 and 7/8 of the context]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::count, allow_negative_numbers = true)]
    pub depth: Vec<usize>,

    /// Number of tokens to decode from each position
    #[arg(long, value_name = "N", value_parser = whole_number::positive, allow_negative_numbers = true, default_value_t = TOKENS)]
    pub tokens: NonZeroUsize,

    /// Batch sizes of decoding, from the first position above 0
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = whole_number::positive, allow_negative_numbers = true, default_values_t = [SEQUENCES])]
    pub sequences: Vec<NonZeroUsize>,

    /// Number of measurements, after one warm-up
    #[arg(long, value_name = "N", value_parser = whole_number::positive, allow_negative_numbers = true, default_value_t = REPETITIONS)]
    pub repetitions: NonZeroUsize,

    /// Print JSON Lines: one object per configuration
    #[arg(long)]
    pub json: bool,
}

impl Default for BenchArgs {
    /// What the command does without any option.
    fn default() -> Self {
        Self {
            model: None,
            devices: vec![DeviceName::Auto],
            dtypes: vec![Precision::F32],
            threads: Vec::new(),
            prefill: Vec::new(),
            depth: Vec::new(),
            tokens: TOKENS,
            sequences: vec![SEQUENCES],
            repetitions: REPETITIONS,
            json: false,
        }
    }
}

/// Measures, and writes each configuration's figures as soon as they are there.
///
/// # Errors
/// Those of the model, of the devices, and of positions that the model does not have.
pub fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    let mut header = true;
    measure(args, |figures| {
        let mut out = standard_streams::output();
        if args.json {
            writeln!(out, "{}", serde_json::to_string(figures)?)?;
        } else {
            figures.tell(std::mem::take(&mut header), &mut out)?;
        }
        Ok(out.flush()?)
    })
}

/// Measures, and hands each configuration's figures to `each`.
///
/// # Errors
/// As [`bench()`], and those of `each`.
pub fn measure(
    args: &BenchArgs,
    mut each: impl FnMut(&Figures) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let forms = Forms::new(args)?;
    let plan = Plan::new(args, forms.config())?;
    let threads: Vec<_> = match &args.threads[..] {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    for device in &args.devices {
        // Before anything is written: a device that is not there should not cost a minute.
        let (device, _) = device.find()?;
        for dtype in &args.dtypes {
            let path = forms.path(*dtype)?;
            for threads in &threads {
                let case = |part| Case {
                    path: path.clone(),
                    device: device.to_string(),
                    dtype: dtype.to_string(),
                    threads: *threads,
                    part,
                };
                say(&format!("{device} in {dtype} …"));
                let mut starts = Vec::new();
                for repetition in 0..=args.repetitions.get() {
                    let start: Start = case(Part::Start(plan.first_token)).in_a_process()?;
                    // The first brings the file into the system's cache.
                    if repetition > 0 {
                        starts.push(start);
                    }
                }
                let speeds: Speeds = case(Part::Speeds(plan.rounds.clone())).in_a_process()?;
                each(&Figures::new(forms.config(), &starts, &speeds)?)?;
                if speeds.threads.is_none() {
                    // The number of threads is not ours to choose there.
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A word for those who wait.
fn say(line: &str) {
    if std::io::stderr().is_terminal() {
        crate::console::write_line(line);
    }
}

/// What is measured of each configuration.
struct Plan {
    first_token: usize,
    rounds: speeds::Rounds,
}

impl Plan {
    fn new(args: &BenchArgs, config: &ModelConfig) -> Result<Self, UsageError> {
        let block_size = config.block_size;
        // In rising order: the cache must reach as far as the position that is measured next.
        let or = |given: &[usize], eighths: &[usize]| -> Vec<usize> {
            let given: BTreeSet<_> = given.iter().copied().collect();
            let default = eighths.iter().map(|n| (block_size * n / 8).max(1));
            match given.is_empty() {
                true => default.collect(),
                false => given.into_iter().collect(),
            }
        };
        let depth = or(&args.depth, &[1, 7]);
        let rounds = speeds::Rounds {
            prefill: or(&args.prefill, &[7]),
            // The first, but nobody begins with nothing.
            together_at: depth
                .iter()
                .find(|n| **n > 0)
                .or(depth.first())
                .copied()
                .unwrap_or(0),
            depth,
            // Behind seven eighths there may be less room than the default needs.
            tokens: match args.depth.is_empty() {
                true => args.tokens.get().min((block_size / 8).max(1)),
                false => args.tokens.get(),
            },
            sequences: args.sequences.iter().map(|n| n.get()).collect(),
            repetitions: args.repetitions.get(),
        };
        let beyond = |what: &str, n: usize| {
            let message = format!("{what} {n} exceeds the model's context of {block_size} tokens");
            Err(UsageError(message))
        };
        if let Some(n) = rounds.prefill.iter().find(|n| **n > block_size) {
            return beyond("--prefill", *n);
        }
        if rounds.prefill.contains(&0) {
            return Err(UsageError(
                "--prefill is 0, but it must be at least 1".to_owned(),
            ));
        }
        if let Some(n) = rounds.sequences.iter().find(|n| **n > MAX_SEQUENCES) {
            let message = format!("--sequences is {n}, but it must be at most {MAX_SEQUENCES}");
            return Err(UsageError(message));
        }
        let behind = |depth: &usize| depth.saturating_add(rounds.tokens);
        if let Some(n) = rounds.depth.iter().find(|depth| behind(depth) > block_size) {
            let what = format!("decoding {} tokens from --depth", rounds.tokens);
            return beyond(&what, *n);
        }
        Ok(Self {
            first_token: FIRST_TOKEN.min(block_size),
            rounds,
        })
    }
}

/// The checkpoint for each element type.
struct Forms {
    given: Option<PathBuf>,
    checkpoint: Checkpoint,
    /// Where random weights are put; gone when this is dropped.
    made: TempDir,
}

impl Forms {
    fn new(args: &BenchArgs) -> anyhow::Result<Self> {
        let given = args.model.as_deref();
        let given = given.map(|model| model_source::resolve(model, Console::default()));
        let given = given.transpose()?;
        let given = given.map(|files| files.checkpoint().to_path_buf());
        let checkpoint = match &given {
            Some(path) => Checkpoint::open(path)?,
            None => Checkpoint::random(&ModelConfig::default(), 1)?,
        };
        Ok(Self {
            given,
            checkpoint,
            made: tempfile::tempdir().context("failed to create a temporary directory")?,
        })
    }

    fn config(&self) -> &ModelConfig {
        self.checkpoint.config()
    }

    /// The model's own, or random weights in this type.
    fn path(&self, dtype: Precision) -> anyhow::Result<PathBuf> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let folder = self.made.path().join(dtype.to_string());
        if !folder.exists() {
            let options = ConvertOptions::default().with_precision(dtype);
            convert(&self.checkpoint, &folder, &options, &mut ())?;
        }
        Ok(folder)
    }
}
