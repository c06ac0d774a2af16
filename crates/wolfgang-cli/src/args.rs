//! The command line.

use crate::bench::{BenchArgs, CaseArgs};
use crate::convert::ConvertArgs;
use crate::devices::DevicesArgs;
use crate::dtype::Dtype;
use crate::inspect::InspectArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use wolfgang_generate::{DeviceName, Overflow, PenaltyScope, RngKind};

/// Small German language models that speak.
#[derive(Debug, Parser)]
#[command(name = "wolfgang", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Continue a text.
    Generate(GenerateArgs),
    /// Turn a checkpoint into a native or a Hugging Face folder.
    Convert(ConvertArgs),
    /// Tell what a checkpoint is, without reading its weights.
    Inspect(InspectArgs),
    /// List the devices that a model can run on, and why others cannot be used.
    Devices(DevicesArgs),
    /// Measure how fast a model is on this machine, and how fast it could be.
    Bench(BenchArgs),
    #[command(hide = true)]
    BenchCase(CaseArgs),
}

/// The text alone goes to standard output, as it is made; everything else goes to standard error.
#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// The text to continue; `-` reads it from standard input (a final line break does not count), none begins a new
    /// document. Put `--` before a text that begins with a dash
    #[arg(conflicts_with = "prompt_ids")]
    pub(crate) prompt: Option<String>,

    /// The model: a .pt, a native or a Hugging Face folder, or hf:OWNER/NAME[@REVISION], which is downloaded from the
    /// Hugging Face Hub. Without it, the Faust model that comes with the program
    #[arg(long, value_name = "PATH|hf:OWNER/NAME")]
    pub(crate) model: Option<PathBuf>,

    /// The model's tokenizer.json. Without it, the one in the model's folder
    #[arg(long, value_name = "PATH")]
    pub(crate) tokenizer: Option<PathBuf>,

    /// Where to run: auto is the fastest there is; `wolfgang devices` lists them
    #[arg(
        long,
        value_name = "auto|cpu|cuda|wgpu:N|...",
        default_value_t = DeviceName::Auto
    )]
    pub(crate) device: DeviceName,

    /// The element type to compute in, if the device does
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(crate) dtype: Dtype,

    /// The element type of the cache on the CPU, f32 or f16. Without it, f32 for weights in f32, else f16
    #[arg(long, value_name = "f32|f16")]
    pub(crate) cache_dtype: Option<Dtype>,

    /// Threads that compute, on the CPU. Without it, one for each core
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// The prompt as token ids
    #[arg(long, value_name = "1,2,3", value_delimiter = ',')]
    pub(crate) prompt_ids: Option<Vec<u32>>,

    /// How many tokens to generate at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        allow_negative_numbers = true
    )]
    pub(crate) max_new_tokens: usize,

    /// Below 1 more certain, above 1 more daring; 0 always takes the likeliest token
    #[arg(
        long,
        value_name = "F",
        default_value_t = 0.6,
        allow_negative_numbers = true
    )]
    pub(crate) temperature: f32,

    /// Choose among the N likeliest tokens; 0 is off
    #[arg(
        long,
        value_name = "N",
        default_value_t = 40,
        allow_negative_numbers = true
    )]
    pub(crate) top_k: usize,

    /// Choose among the likeliest tokens that together exceed this probability; 1 is off
    #[arg(
        long,
        value_name = "F",
        default_value_t = 0.9,
        allow_negative_numbers = true
    )]
    pub(crate) top_p: f32,

    /// Above 1 makes recent tokens less likely; 1 is off
    #[arg(
        long,
        value_name = "F",
        default_value_t = 1.2,
        allow_negative_numbers = true
    )]
    pub(crate) repetition_penalty: f32,

    /// How many of the last tokens count as recent
    #[arg(
        long,
        value_name = "N",
        default_value_t = 24,
        allow_negative_numbers = true
    )]
    pub(crate) repetition_window: usize,

    /// Whether recent tokens of the prompt count, too
    #[arg(long, value_enum, default_value_t = Penalize::Context)]
    pub(crate) penalize: Penalize,

    /// End at this token, given by id or by its text. May be repeated
    #[arg(long = "stop-token", value_name = "ID|TOKEN")]
    pub(crate) stop_tokens: Vec<String>,

    /// Go on behind <|endoftext|>
    #[arg(long)]
    pub(crate) ignore_eos: bool,

    /// What happens when the model's context is full
    #[arg(long, value_enum, default_value_t = WhenFull::Slide)]
    pub(crate) overflow: WhenFull,

    /// The same seed gives the same text; without it, one is drawn
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,

    /// Whose random numbers: the seeds of the Python original mean the same text with torch
    #[arg(long, value_enum, default_value_t = Rng::Chacha)]
    pub(crate) rng: Rng,

    /// Write the prompt before its continuation
    #[arg(long)]
    pub(crate) include_prompt: bool,

    /// Write the text when it is complete instead of as it is made
    #[arg(long)]
    pub(crate) no_stream: bool,

    /// Write JSON, one object a line: each piece of text, then how it ended
    #[arg(long)]
    pub(crate) json: bool,
}

/// [`Overflow`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WhenFull {
    /// Go on with the last tokens that fit, which is slow
    Slide,
    /// End the text
    Stop,
}

impl From<WhenFull> for Overflow {
    fn from(when_full: WhenFull) -> Self {
        match when_full {
            WhenFull::Slide => Self::Slide,
            WhenFull::Stop => Self::Stop,
        }
    }
}

/// [`PenaltyScope`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Penalize {
    /// The last tokens of prompt and text together
    Context,
    /// The last tokens of the text only
    Generated,
}

impl From<Penalize> for PenaltyScope {
    fn from(penalize: Penalize) -> Self {
        match penalize {
            Penalize::Context => Self::Context,
            Penalize::Generated => Self::Generated,
        }
    }
}

/// [`RngKind`] by its name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rng {
    /// ChaCha20: the same in every release
    Chacha,
    /// PyTorch's generator on the CPU, as torch.multinomial draws from it
    Torch,
}

impl From<Rng> for RngKind {
    fn from(rng: Rng) -> Self {
        match rng {
            Rng::Chacha => Self::ChaCha,
            Rng::Torch => Self::Torch,
        }
    }
}
